package leaktest

// A Rule is a kind of finding.
type Rule struct {
	ID, Name, Title, Fix string
}

const (
	ruleRead       = "WTA001"
	ruleInsert     = "WTA002"
	ruleUpdate     = "WTA003"
	ruleDelete     = "WTA004"
	ruleMove       = "WTA005"
	ruleUpsert     = "WTA006"
	ruleTruncate   = "WTA007"
	ruleForeignKey = "WTA008"
	ruleUnique     = "WTA009"
	ruleExclusion  = "WTA010"
	ruleContext    = "WTA011"
	ruleResidue    = "WTA012"
	ruleStale      = "WTA013"
	ruleSideEffect = "WTA014"
	ruleNullTenant = "WTA015"
	ruleView       = "WTA016"
	ruleFunction   = "WTA017"
	ruleEscalation = "WTA018"
	ruleQuery      = "WTA019"
	ruleSequence   = "WTA020"
	ruleForgeable  = "WTA021"
	ruleCopies     = "WTA022"
	ruleUnproved   = "WTA099"
)

// rules are all kinds of findings. An ID is never used for something else.
var rules = []Rule{
	{ruleRead, "read", "a tenant reads another tenant's rows", "enable and force row-level security, with one policy that compares the tenant column with the current tenant"},
	{ruleInsert, "insert", "a tenant writes rows that belong to another tenant", "give the policy WITH CHECK with the same comparison as USING"},
	{ruleUpdate, "update", "a tenant changes another tenant's rows", "give the policy for UPDATE a USING clause that compares the tenant column with the current tenant"},
	{ruleDelete, "delete", "a tenant deletes another tenant's rows", "give the policy for DELETE a USING clause that compares the tenant column with the current tenant"},
	{ruleMove, "move", "a row can be moved to another tenant", "revoke UPDATE on the tenant column, and give the policy WITH CHECK"},
	{ruleUpsert, "upsert", "ON CONFLICT reaches another tenant's row", "put the tenant column into the unique key"},
	{ruleTruncate, "truncate", "TRUNCATE removes the rows of all tenants", "revoke TRUNCATE: row-level security does not apply to it"},
	{ruleForeignKey, "foreign-key", "a row can refer to another tenant's row, which tells that it exists", "make the foreign key composite, with the tenant column on both sides"},
	{ruleUnique, "unique", "a unique key tells that another tenant has a value", "put the tenant column first in the unique key"},
	{ruleExclusion, "exclusion", "an exclusion constraint tells that another tenant has a value", "add the tenant column WITH = to the exclusion constraint"},
	{ruleContext, "context", "rows are visible without a tenant", "let the policy fail when no tenant is set: compare with a context that raises, or with nullif(current_setting(…, true), '')"},
	{ruleResidue, "residue", "the tenant stays on the connection after the transaction", "set the tenant with SET LOCAL or set_config(…, true), inside the transaction"},
	{ruleStale, "stale-plan", "a prepared statement keeps the rows of the tenant that prepared it", "declare the function that returns the tenant STABLE, not IMMUTABLE"},
	{ruleSideEffect, "side-effect", "a tenant's own write changes another tenant's rows", "let the trigger, rule or key action name the tenant of the row that fired it"},
	{ruleNullTenant, "null-tenant", "a tenant publishes rows without a tenant, which all tenants see", "make the tenant column NOT NULL, or let WITH CHECK refuse rows without a tenant"},
	{ruleView, "view", "a view shows another tenant's rows", "recreate the view WITH (security_invoker = true), or revoke it; a materialised view cannot be protected: revoke it"},
	{ruleFunction, "function", "a function reaches another tenant's rows", "make the function SECURITY INVOKER, or compare with the current tenant inside it"},
	{ruleEscalation, "escalation", "a tenant can write what the policies trust", "revoke the application's right to write the table that the policies read"},
	{ruleQuery, "query", "a query's answer depends on another tenant's rows", "pin every tenant table in the query to the tenant parameter"},
	{ruleSequence, "sequence", "a sequence tells how many rows all tenants have", "revoke SELECT and UPDATE on the sequence"},
	{ruleForgeable, "forgeable", "SQL injected into one tenant's statement can enter another tenant", "use a signed context, as watertight.enter does"},
	{ruleCopies, "copies", "a tenant's rows are copied to where others read them", "give the table that the trigger writes to a tenant column and row-level security"},
	{ruleUnproved, "unproved", "an attack could not be made, so nothing is proved", "see the message"},
}

// Rules returns the kinds of findings.
func Rules() []Rule { return rules }

func ruleOf(id string) Rule {
	for _, r := range rules {
		if r.ID == id {
			return r
		}
	}
	panic("leaktest: no rule " + id)
}
