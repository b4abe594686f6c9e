package pooler

// apart are the tests, and parts of them, that cannot run behind a pooler in
// transaction mode, by suite, with the reason. The step pooler of .ci/run counts
// and prints them.
var apart = map[string]map[string]string{
	"accounts": {
		"TestFailuresTakeTheSameTime": "it compares times, and the pooler's would be among them",
	},
	"audit": {
		"TestExportStreams": "it measures the memory of a long export, whatever carries it",
	},
	"tenancy": {
		"TestBindings/session":                            "BindSession is refused there (TestBehindATransactionPooler)",
		"TestTheProfileForCitusKeepsTenantsApart/session": "BindSession is refused there (TestBehindATransactionPooler)",
		"TestEmptySearchPathUnlessConfigured":             "the path is the role's there (TestSearchPathBehindAPooler)",
	},
}
