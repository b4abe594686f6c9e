package grpcauth

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/watertight-go/watertight/accounts/middleware"
	"github.com/watertight-go/watertight/tenancy"
)

// The answers are constants: nothing of the call or of a tenant is in them.
var (
	statusUnauthenticated = status.Error(codes.Unauthenticated, "sign in first")
	statusSecondFactor    = status.Error(codes.Unauthenticated, "sign in with a second factor")
	statusDenied          = status.Error(codes.PermissionDenied, "not allowed")
	statusUnavailable     = status.Error(codes.Unavailable, "try again later")
	statusInternal        = status.Error(codes.Internal, "something went wrong")
)

func (in *Interceptors) refusal(ctx context.Context, method string, err error) error {
	switch {
	case errors.Is(err, middleware.ErrUnauthenticated):
		return statusUnauthenticated
	case errors.Is(err, middleware.ErrSecondFactor):
		return statusSecondFactor
	case errors.Is(err, tenancy.ErrNotAdmitted):
		return statusDenied
	}
	in.cfg.Log.ErrorContext(ctx, "a call could not be admitted", "method", method, "error", err)
	return statusUnavailable
}

// Status makes an error of the handle fit to be returned by a method:
// PermissionDenied for a query that the role may not run, Unavailable if the
// database cannot be reached, else Internal. A plain error would send its text
// to the client.
func Status(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, tenancy.ErrForbidden), errors.Is(err, tenancy.ErrNotAdmitted):
		return statusDenied
	case errors.Is(err, tenancy.ErrUnavailable):
		return statusUnavailable
	}
	return statusInternal
}
