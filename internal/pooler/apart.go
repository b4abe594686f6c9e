package pooler

// apart are the tests, and parts of them, that cannot run behind a pooler in
// transaction mode, by suite, with the reason. The step pooler of .ci/run counts
// and prints them.
var apart = map[string]map[string]string{
	"tenancy": {
		"TestBindings/session":                            "BindSession is refused there (TestBehindATransactionPooler)",
		"TestTheProfileForCitusKeepsTenantsApart/session": "BindSession is refused there (TestBehindATransactionPooler)",
		"TestEmptySearchPathUnlessConfigured":             "the path is the role's there (TestSearchPathBehindAPooler)",
	},
}
