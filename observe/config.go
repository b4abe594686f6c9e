package observe

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/watertight-go/watertight/tenancy"
)

// Tenant says how spans name the tenant.
type Tenant uint8

const (
	// TenantHidden leaves it out. The default.
	TenantHidden Tenant = iota

	// TenantHashed puts in the first 16 bytes of HMAC-SHA-256 under
	// Config.TenantKey: spans of one tenant are found together, by whoever has
	// the key, and nobody else can tell which tenant it is.
	TenantHashed

	// TenantPlain puts in the ID. Who reads the traces then learns which tenant
	// does what.
	TenantPlain
)

// minTenantKey is the least length of Config.TenantKey.
const minTenantKey = 32

// Config of [New]. The zero value is right.
type Config struct {
	// TracerProvider and MeterProvider take the spans and metrics. They default
	// to the global ones of OpenTelemetry.
	TracerProvider trace.TracerProvider
	MeterProvider  metric.MeterProvider

	// Tenant says how spans name the tenant. Defaults to TenantHidden.
	Tenant Tenant

	// TenantKey is the key of TenantHashed: 32 bytes or more, the same in every
	// process whose spans are to be found together.
	TenantKey []byte
}

func (cfg *Config) validate() error {
	switch {
	case cfg.Tenant > TenantPlain:
		return errors.New("observe.Config: Tenant is none of TenantHidden, TenantHashed, TenantPlain")
	case cfg.Tenant == TenantHashed && len(cfg.TenantKey) < minTenantKey:
		return errors.New("observe.Config: TenantKey is shorter than 32 bytes (make one with crypto/rand; without a key everybody can hash all tenants and compare)")
	case cfg.Tenant != TenantHashed && len(cfg.TenantKey) > 0:
		return errors.New("observe.Config: TenantKey is set and not used (set Tenant to TenantHashed)")
	}
	if cfg.TracerProvider == nil {
		cfg.TracerProvider = otel.GetTracerProvider()
	}
	if cfg.MeterProvider == nil {
		cfg.MeterProvider = otel.GetMeterProvider()
	}
	return nil
}

// tenantName is what stands for a tenant in a span; empty if nothing does.
func (o *Observer) tenantName(t tenancy.ID) string {
	if t.IsZero() {
		return ""
	}
	switch o.cfg.Tenant {
	case TenantHashed:
		mac := hmac.New(sha256.New, o.cfg.TenantKey)
		id := t.UUID()
		mac.Write(id[:])
		return hex.EncodeToString(mac.Sum(nil)[:16])
	case TenantPlain:
		return t.String()
	}
	return ""
}
