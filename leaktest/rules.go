package leaktest

// A Rule is a kind of finding.
type Rule struct {
	ID, Name, Title, Fix string

	Why string // what was seen, and why it matters
}

// Severity is that of the rule's usual findings: each has its own.
func (r Rule) Severity() string {
	switch r.ID {
	case ruleSequence, ruleForgeable:
		return Warning
	}
	return Error
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
	ruleOwnAttack  = "WTA023"
	ruleUnproved   = "WTA099"
)

// Unprovable is the rule of an attack that could not be made, see
// [Finding.Unproved].
const Unprovable = ruleUnproved

// rules are all kinds of findings. An ID is never used for something else.
var rules = []Rule{
	{ruleRead, "read", "a tenant reads another tenant's rows", "enable and force row-level security, with one policy that compares the tenant column with the current tenant", "As the application inside one tenant, a SELECT, COPY, cursor or row lock returned rows whose tenant is another one. A resembling tenant means that the policy compares loosely: by prefix, pattern, case or sign."},
	{ruleInsert, "insert", "a tenant writes rows that belong to another tenant", "give the policy WITH CHECK with the same comparison as USING", "An INSERT or COPY with another tenant in the row went through. The other tenant then has rows that it did not write, and a policy that looks up such rows trusts them."},
	{ruleUpdate, "update", "a tenant changes another tenant's rows", "give the policy for UPDATE a USING clause that compares the tenant column with the current tenant", "An UPDATE or MERGE hit rows of another tenant. Without a WHERE clause only the policies for UPDATE are asked, not those for SELECT, so a table that reads well can still be written across tenants."},
	{ruleDelete, "delete", "a tenant deletes another tenant's rows", "give the policy for DELETE a USING clause that compares the tenant column with the current tenant", "A DELETE or MERGE removed rows of another tenant."},
	{ruleMove, "move", "a row can be moved to another tenant", "revoke UPDATE on the tenant column, and give the policy WITH CHECK", "An UPDATE of the tenant column gave an own row to another tenant, or took one. WITH CHECK is missing or wider than USING."},
	{ruleUpsert, "upsert", "ON CONFLICT reaches another tenant's row", "put the tenant column into the unique key", "INSERT … ON CONFLICT DO UPDATE met a unique key without the tenant and changed the other tenant's row."},
	{ruleTruncate, "truncate", "TRUNCATE removes the rows of all tenants", "revoke TRUNCATE: row-level security does not apply to it", "TRUNCATE is a privilege of its own and no policy applies to it: one statement removes the rows of all tenants."},
	{ruleForeignKey, "foreign-key", "a row can refer to another tenant's row, which tells that it exists", "make the foreign key composite, with the tenant column on both sides", "Referential checks bypass row-level security. A foreign key without the tenant accepts another tenant's key and refuses one that does not exist: it tells which exist, and ties rows of two tenants together."},
	{ruleUnique, "unique", "a unique key tells that another tenant has a value", "put the tenant column first in the unique key", "Unique checks bypass row-level security. A value that another tenant has is refused with 23505, one that nobody has is accepted. It is a warning for keys that the database generates, whose values say nothing."},
	{ruleExclusion, "exclusion", "an exclusion constraint tells that another tenant has a value", "add the tenant column WITH = to the exclusion constraint", "Exclusion constraints bypass row-level security, as unique keys do: 23P01 tells that another tenant has an overlapping value."},
	{ruleContext, "context", "rows are visible without a tenant", "let the policy fail when no tenant is set: compare with a context that raises, or with nullif(current_setting(…, true), '')", "With no tenant, an empty or an invalid one, rows of tenants were visible. Every connection begins in that state, and returns to it."},
	{ruleResidue, "residue", "the tenant stays on the connection after the transaction", "set the tenant with SET LOCAL or set_config(…, true), inside the transaction", "The tenant was still set after the transaction had committed. The next user of the pooled connection continues as that tenant."},
	{ruleStale, "stale-plan", "a prepared statement keeps the rows of the tenant that prepared it", "declare the function that returns the tenant STABLE, not IMMUTABLE", "A prepared statement that one tenant had planned returned that tenant's rows to the next: the function that names the tenant was folded into the plan."},
	{ruleSideEffect, "side-effect", "a tenant's own write changes another tenant's rows", "let the trigger, rule or key action name the tenant of the row that fired it", "A write of a tenant to its own rows changed rows of others, through a trigger, a rule or the action of a foreign key that does not name the tenant."},
	{ruleNullTenant, "null-tenant", "a tenant publishes rows without a tenant, which all tenants see", "make the tenant column NOT NULL, or let WITH CHECK refuse rows without a tenant", "The policy lets rows without a tenant through, also for writing. Such a row appears in the data of every tenant."},
	{ruleView, "view", "a view shows another tenant's rows", "recreate the view WITH (security_invoker = true), or revoke it; a materialised view cannot be protected: revoke it", "The view runs with the rights of its owner, or holds a copy of the rows of all tenants. It showed values of another tenant, or answered differently once the rows of the others were gone."},
	{ruleFunction, "function", "a function reaches another tenant's rows", "make the function SECURITY INVOKER, or compare with the current tenant inside it", "The function runs with rights that the application does not have. Called inside one tenant it showed or changed rows of another, or answered differently once the rows of the others were gone."},
	{ruleEscalation, "escalation", "a tenant can write what the policies trust", "revoke the application's right to write the table that the policies read", "The policies decide by the rows of a table that the application may write. After such a write the tenant saw rows of another."},
	{ruleQuery, "query", "a query's answer depends on another tenant's rows", "pin every tenant table in the query to the tenant parameter", "The query was run with values of both tenants, with and without the rows of the other one, and the answers differed: as deployed, with row-level security off (the query alone), or with its tenant clause taken out (the database alone)."},
	{ruleSequence, "sequence", "a sequence tells how many rows all tenants have", "revoke SELECT and UPDATE on the sequence", "Reading a sequence tells how many rows all tenants have made; setting it back makes the inserts of others fail."},
	{ruleForgeable, "forgeable", "SQL injected into one tenant's statement can enter another tenant", "use a signed context, as watertight.enter does", "A plain setting can be set by whoever may run SQL. SQL injected into a statement of one tenant can set it to another. It is a warning, because it takes an injection."},
	{ruleCopies, "copies", "a tenant's rows are copied to where others read them", "give the table that the trigger writes to a tenant column and row-level security", "A trigger writes a tenant's values into a table that others read."},
	{ruleOwnAttack, "own-attack", "an attack of the team's own came through", "see the message, and what the attack says about itself", "An attack that the suite was given, on what the catalogue does not show, reached the other tenant: watertight prove brings one on sealed values, which are put in the place of another tenant's and must not open there."},
	{ruleUnproved, "unproved", "an attack could not be made, so nothing is proved", "see the message", "An attack means something only if the same works on the tenant's own rows. Here it did not: rows could not be made, the control failed, or the server answered with an error that is no refusal. It is no leak and no proof; the exit code is 2."},
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
