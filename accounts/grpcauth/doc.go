// Package grpcauth is accounts/middleware for gRPC servers: interceptors that
// let a call into a tenant. It is a package of its own so that who serves no
// gRPC does not inherit it.
//
//	in, err := grpcauth.New(grpcauth.Config{
//		DB:           db,
//		Authenticate: grpcauth.Bearer(verify),           // who calls
//		Tenant:       grpcauth.Metadata("x-tenant"),      // which tenant he asks for
//		Public:       []string{"/grpc.health.v1.Health/"}, // calls without a tenant
//	})
//	server := grpc.NewServer(grpc.UnaryInterceptor(in.Unary()), grpc.StreamInterceptor(in.Stream()))
//
//	func (s *server) ListRooms(ctx context.Context, _ *pb.ListRoomsRequest) (*pb.Rooms, error) {
//		scope := grpcauth.Scope(ctx)
//		rooms, err := store.New(s.db.For(scope)).ListRooms(ctx, scope.Tenant())
//		…
//	}
//
// The rules are those of package middleware, whose [middleware.Gate] decides
// here too: Unauthenticated without a verified identity, PermissionDenied for
// every tenant that the account is not registered with or that does not exist,
// Unavailable if the database cannot be asked. Messages are constant.
//
// # Limits
//
// A scope is for one call. A stream that stays open for hours must admit again.
package grpcauth
