// Package observe shows what package tenancy and the audit log's sealer do, as
// OpenTelemetry spans and metrics.
//
//	o, err := observe.New(observe.Config{Tenant: observe.TenantHashed, TenantKey: key})
//	cfg := tenancy.Config{Key: …, Registry: …}
//	o.Attach(&cfg)
//	db, err := tenancy.Open(ctx, url, cfg)
//	stop, err := o.Pool("app", db)
//
// # Spans
//
// One for each statement or batch that a handle sends, named after its action,
// inside one for each transaction and admission. Attributes:
//
//	db.system.name          postgresql
//	watertight.kind         statement, transaction or admission
//	watertight.action       the query's name, or that of tenancy.WithAction
//	watertight.statements   how many in the flight
//	watertight.role         the actor's role
//	watertight.actor        user, support or job
//	watertight.tenant       as Config.Tenant says
//	error.type              of an error: a SQLSTATE, or one of the names in [Names]
//
// There is no SQL, no argument, no address of a server and no text of an error
// in them: texts of Postgres quote values.
//
// # Metrics
//
// [Instruments] lists them. No metric has the tenant among its attributes: a
// series for each tenant is more than a store of metrics holds. The file
// dashboard.json beside this package is a dashboard of them for Grafana, on a
// Prometheus data source.
//
// # Limits
//
// The observer of tenancy hears of flights, not of what happens inside one. A
// pool says what it did since it was made.
package observe
