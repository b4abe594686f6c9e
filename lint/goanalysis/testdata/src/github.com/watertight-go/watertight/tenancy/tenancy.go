package tenancy

import "context"

type Conn struct{}

func (*Conn) Query(ctx context.Context, sql string, args ...any) (any, error) { return nil, nil }
