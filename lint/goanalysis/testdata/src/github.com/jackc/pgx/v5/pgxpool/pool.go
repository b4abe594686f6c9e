package pgxpool

import "context"

type Pool struct{}

func (*Pool) Exec(ctx context.Context, sql string, args ...any) (int, error) { return 0, nil }
func (*Pool) Close()                                                         {}
