package pgtest

import "context"

func fromDocker(context.Context, Config) (*Server, []attempt) { return nil, nil }

func fromDownload(context.Context, Config) (*Server, []attempt) { return nil, nil }
