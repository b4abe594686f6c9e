package tenancy_test

import (
	"fmt"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/watertight-go/watertight/leaktest/pgtest"
	"github.com/watertight-go/watertight/schema"
	"github.com/watertight-go/watertight/tenancy"
)

// On a cluster, tenants whose rows are on different nodes do not see each
// other. It runs where WATERTIGHT_CITUS_URL names the coordinator, as its
// superuser, with two workers or more: on one node everything works that
// fails with workers. No such cluster is there in CI; docs/citus.md says where
// the design was run.
func TestOnACitusCluster(t *testing.T) {
	coordinator := os.Getenv("WATERTIGHT_CITUS_URL")
	if coordinator == "" {
		t.Skip("NOT TESTED: no Citus cluster (set WATERTIGHT_CITUS_URL to the URL of its coordinator's superuser, in a database of its own)")
	}
	ctx := t.Context()
	report, err := schema.Migrate(ctx, coordinator, schema.Config{Profile: schema.ProfileCitus})
	require.NoError(t, err)
	require.Equal(t, schema.ProfileCitus, report.Profile)
	admin, err := pgx.Connect(ctx, coordinator)
	require.NoError(t, err)
	t.Cleanup(func() { admin.Close(contextBackground()) })
	var workers int
	require.NoError(t, admin.QueryRow(ctx, "select count(*) from pg_dist_node where isactive and shouldhaveshards").Scan(&workers))
	require.GreaterOrEqual(t, workers, 2, "one node shows nothing")

	name := "citus_" + uuid.NewString()[:8]
	_, err = admin.Exec(ctx, fmt.Sprintf(`create schema %[1]s;
		create table %[1]s.rooms (tenant_id uuid not null, id int, body text not null default '', primary key (tenant_id, id));
		create table %[1]s.stays (tenant_id uuid not null, id int, room_id int, primary key (tenant_id, id), foreign key (tenant_id, room_id) references %[1]s.rooms);`, name))
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = admin.Exec(contextBackground(), "drop schema "+name+" cascade") })
	for _, table := range []string{"rooms", "stays"} {
		_, err = admin.Exec(ctx, fmt.Sprintf("select watertight.protect('%s.%s')", name, table))
		require.NoError(t, err)
	}
	key, err := tenancy.NewContextKey()
	require.NoError(t, err)
	require.NoError(t, schema.AddKey(ctx, coordinator, key, time.Now().Add(time.Hour)))
	_, err = admin.Exec(ctx, "alter role watertight_app password 'citus'; alter role watertight_system password 'citus'")
	require.NoError(t, err)
	w := onCluster(t, coordinator, key)

	// Tenants until two of them are on different nodes.
	var tenants []tenancy.ID
	var people []tenancy.Actor
	nodes := map[string]bool{}
	for len(nodes) < 2 && len(tenants) < 50 {
		id, who := w.tenant(t, "Tenant", "someone@example.com")
		var node string
		require.NoError(t, admin.QueryRow(ctx, fmt.Sprintf(`select nodename || ':' || nodeport from citus_shards
			where table_name = '%s.rooms'::regclass and shardid = get_shard_id_for_distribution_column('%[1]s.rooms', $1::uuid)`, name), id.UUID()).Scan(&node))
		if !nodes[node] {
			nodes[node] = true
			tenants, people = append(tenants, id), append(people, who)
		}
	}
	require.Len(t, nodes, 2)
	for i, id := range tenants {
		c := w.db.For(w.admit(t, people[i], id))
		_, err := c.Exec(ctx, fmt.Sprintf("insert into %s.rooms (tenant_id, id) values ($1, 1)", name), id)
		require.NoError(t, err)
	}
	for i, id := range tenants {
		c := w.db.For(w.admit(t, people[i], id))
		var n, own int
		require.NoError(t, c.QueryRow(ctx, fmt.Sprintf("select count(*), count(*) filter (where tenant_id = $1) from %s.rooms", name), id).Scan(&n, &own))
		require.Equal(t, [2]int{1, 1}, [2]int{n, own}, "its own row on its node, and nobody else's, without a WHERE")
		_, err := c.Exec(ctx, fmt.Sprintf("insert into %s.rooms (tenant_id, id) values ('%s', 2)", name, tenants[1-i]))
		requireSQLState(t, err, "42501")
		tag, err := c.Exec(ctx, fmt.Sprintf("delete from %s.rooms where tenant_id = '%s'", name, tenants[1-i]))
		require.NoError(t, err)
		require.Zero(t, tag.RowsAffected())
	}
	// No context, no rows: the workers refuse, not only the coordinator.
	bare, err := pgx.Connect(ctx, w.AppURL)
	require.NoError(t, err)
	defer bare.Close(ctx)
	_, err = bare.Exec(ctx, fmt.Sprintf("select * from %s.rooms where $1", name), true)
	requireSQLState(t, err, "42501")

	var differing int
	require.NoError(t, admin.QueryRow(ctx, fmt.Sprintf(`select count(distinct result) from run_command_on_placements('%s.rooms',
		$q$select md5(string_agg(concat_ws(' ', polname, polcmd, polpermissive, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)), ',' order by polname))
		from pg_policy where polrelid = '%%s'::regclass$q$)`, name)).Scan(&differing))
	require.Equal(t, 1, differing, "the policies are the same on every shard")
}

// onCluster is a world without tenants, whose roles have the password "citus".
func onCluster(t *testing.T, coordinator string, key tenancy.ContextKey) *world {
	t.Helper()
	as := func(role string) string {
		u, err := url.Parse(coordinator)
		require.NoError(t, err)
		u.User = url.UserPassword(role, "citus")
		return u.String()
	}
	w := &world{Database: &pgtest.Database{AdminURL: coordinator, AppURL: as("watertight_app"), SystemURL: as("watertight_system"), Key: key}, binding: tenancy.BindNone}
	w.url, w.systemURL = w.AppURL, w.SystemURL
	w.db = w.open(t, func(c *tenancy.Config) { c.Binding = tenancy.BindNone })
	return w
}
