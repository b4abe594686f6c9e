package pooler

// exception is why a test cannot run behind a pooler, and in which mode; none
// stands for every mode.
type exception struct{ mode, why string }

// apart are the tests, and parts of them, that cannot run behind a pooler, by
// suite. The step pooler of .ci/run counts and prints them.
var apart = map[string]map[string]exception{
	"accounts": {
		"TestFailuresTakeTheSameTime": {"", "it compares times, and the pooler's would be among them"},
	},
	"audit": {
		"TestExportStreams": {"", "it measures the memory of a long export, whatever carries it"},
	},
	"tenancy": {
		"TestBindings/session":                            {Transaction, "BindSession is refused there (TestBehindATransactionPooler)"},
		"TestTheProfileForCitusKeepsTenantsApart/session": {Transaction, "BindSession is refused there (TestBehindATransactionPooler)"},
		"TestTokenIsSentAgainInItsScopeOnly":              {Transaction, "only a context that is bound to the session is sent again"},
		"TestEmptySearchPathUnlessConfigured":             {"", "the path is the role's there (TestSearchPathBehindAPooler)"},
	},
}
