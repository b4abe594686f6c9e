package enforcement

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/tenancy"
)

// C1: everything is mapped to one entity, the company, by foreign keys.
func TestC01EveryRecordBelongsToACompanyThatExists(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	admin, ctx := o.Admin(t), t.Context()

	_, err := admin.Exec(ctx, "insert into app.documents (tenant_id, id, title) values ($1, 1, 'nobody''s')", tenancy.NewID())
	require.ErrorContains(t, err, "foreign key")
	_, err = admin.Exec(ctx, "delete from watertight.tenants where id = $1", o.alpha)
	require.ErrorContains(t, err, "foreign key")

	// A key that could lead to another company's record is refused.
	_, err = admin.Exec(ctx, `create table app.pages (tenant_id uuid not null, id bigint not null, document bigint not null, owner uuid not null,
		primary key (tenant_id, id), foreign key (owner, document) references app.documents (tenant_id, id))`)
	require.NoError(t, err)
	_, err = admin.Exec(ctx, "select watertight.protect('app.pages')")
	require.ErrorContains(t, err, "can refer to a row of another tenant")

	// The control: the same key with the company in it, and a page in each.
	_, err = admin.Exec(ctx, `drop table app.pages;
		create table app.pages (tenant_id uuid not null, id bigint not null, document bigint not null,
			primary key (tenant_id, id), foreign key (tenant_id, document) references app.documents (tenant_id, id));
		select watertight.protect('app.pages')`)
	require.NoError(t, err)
	_, err = o.asAnna(t).Exec(ctx, "insert into app.pages (tenant_id, id, document) values ($1, 1, 1)", o.alpha)
	require.NoError(t, err)
	_, err = o.asAnna(t).Exec(ctx, "insert into app.pages (tenant_id, id, document) values ($1, 2, 99)", o.alpha)
	require.ErrorContains(t, err, "foreign key")
}
