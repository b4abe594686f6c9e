// Package adopt makes an existing schema watertight: it reads a database that
// was built without Watertight, writes a plan of numbered SQL files that lead
// there while the application goes on, and applies or reverts the plan.
//
//	plan, err := adopt.Read(ctx, conn, adopt.Config{TenantTable: "public.organizations"})
//	if len(plan.Questions) > 0 {
//		// a person decides: see Decisions
//	}
//	err = plan.Write("adopt")
//
//	steps, err := adopt.Load("adopt")
//	err = adopt.Apply(ctx, url, steps, adopt.Run{})
//
// # What becomes of the schema
//
// Keys stay what they are. A schema whose tenants have numbers or names gets a
// column of its own beside them, tenant_id uuid, in the table of tenants and in
// every table whose rows belong to one; a schema whose tenants have uuids keeps
// its column. Every primary key, unique index and foreign key between such
// tables gets the tenant in front, and every such table is protected.
// docs/design/062-adoption.md says why.
//
// # Expand and contract
//
// Until the last step of the first half, the application as it was works on,
// and the rows that it writes get their tenant from triggers. From there on the
// new version, whose queries name the tenant, works beside it. The second half
// begins when the old one is gone: it takes the old keys away and protects the
// tables. See [Step.Contract].
//
// No statement that stops readers or writers reads a table while it does; rows
// are filled in batches, each a transaction of its own. Statements that need a
// lock give up quickly and try again.
//
// # What a person decides
//
// Nothing is guessed. A table that no foreign key connects with the tenants, one
// with two ways to them, rows that lead to no tenant or to two, definer
// functions: each is a [Question], and while one is open there is no plan.
// Questions name tables and numbers of rows, never their values.
//
// # Files
//
// The files are in goose's format. Apply notes each statement in the schema
// watertight_adopt, in the statement's own transaction where it has one, so that
// a run that was killed goes on where it was. The files can be edited before
// they are applied, and other tools can apply them, without that.
//
// # Limits
//
// What stops at a question and has no answer yet: inheritance that is no
// partitioning, partitions of partitions, exclusion constraints without the
// tenant, rewrite rules, tables that have policies already. The role that applies
// must see every row (superuser or BYPASSRLS) and own the tables.
package adopt
