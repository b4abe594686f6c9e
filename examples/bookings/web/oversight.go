package web

import (
	"slices"
	"strconv"
	"time"

	"github.com/watertight-go/watertight/accounts"
	"github.com/watertight-go/watertight/examples/bookings/service"
	"github.com/watertight-go/watertight/examples/bookings/store"
)

type support struct {
	Requests []store.ListSupportRequestsRow
	People   []accounts.SupportPerson
	Grants   []grant
	Hours    []int
	MayAsk   bool
	MayGrant bool
}

// grant is one as the page shows it.
type grant struct {
	accounts.SupportGrant

	Live bool
}

func liveAt(now time.Time, g accounts.SupportGrant) bool {
	return g.Revoked.IsZero() && g.Expires.After(now)
}

func (s *web) support(v *visit) (err error) {
	p := support{MayAsk: v.writes(), MayGrant: v.manages(), Hours: []int{1, 4, 8, 24, 72}}
	if p.Requests, err = s.Service.SupportRequests(v.Context(), v.scope); err != nil {
		return err
	}
	if p.MayGrant {
		if p.People, err = s.Service.SupportPeople(v.Context(), v.scope); err != nil {
			return err
		}
		grants, err := s.Service.SupportGrants(v.Context(), v.scope)
		if err != nil {
			return err
		}
		for _, g := range grants {
			p.Grants = append(p.Grants, grant{g, liveAt(time.Now(), g)})
		}
	}
	return v.show("support", "Support", "/support", p)
}

func (s *web) askForSupport(v *visit) error {
	if _, err := s.Service.AskForSupport(v.Context(), v.scope, v.PostForm.Get("question")); err != nil {
		return v.again(err, s.support)
	}
	return v.done("/support", "asked")
}

func (s *web) grantSupport(v *visit) error {
	hours, _ := strconv.Atoi(v.PostForm.Get("hours")) // 0 is refused by the service
	_, err := s.Service.GrantSupport(v.Context(), v.scope, service.Grant{
		Person: v.choice("person"), Mode: accounts.SupportMode(v.PostForm.Get("mode")),
		Reason: v.PostForm.Get("reason"), Hours: hours, Request: v.choice("request"),
	})
	if err != nil {
		return v.again(err, s.support)
	}
	return v.done("/support", "granted")
}

func (s *web) revokeSupport(v *visit) error {
	id, err := v.id("id")
	if err != nil {
		return err
	}
	if err := s.Service.RevokeSupport(v.Context(), v.scope, id); err != nil {
		return err
	}
	return v.done("/support", "revoked")
}

type activity struct {
	Grant  grant
	Events []supportEvent
}

type supportEvent struct {
	accounts.SupportEvent

	Text string
}

func (s *web) supportActivity(v *visit) error {
	id, err := v.id("id")
	if err != nil {
		return err
	}
	grants, err := s.Service.SupportGrants(v.Context(), v.scope)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(grants, func(g accounts.SupportGrant) bool { return g.ID == id })
	if at < 0 {
		return service.ErrNotFound
	}
	events, err := s.Service.SupportActivity(v.Context(), v.scope, id)
	if err != nil {
		return err
	}
	a := activity{Grant: grant{grants[at], liveAt(time.Now(), grants[at])}}
	for _, e := range events {
		a.Events = append(a.Events, supportEvent{e, string(e.Details)})
	}
	return v.show("activity", "What support did", "/support", a)
}

type log struct {
	Entries []service.Entry
	Actions []service.LogAction
	Action  string
	Next    string
}

func (s *web) log(v *visit) error {
	f := service.LogFilter{Action: v.URL.Query().Get("action"), After: v.URL.Query().Get("after")}
	entries, next, err := s.Service.Log(v.Context(), v.scope, f)
	if err != nil {
		return err
	}
	return v.show("log", "Log", "/log", log{entries, service.LogActions, f.Action, next})
}

func (s *web) exports(v *visit) error {
	list, err := s.Service.Exports(v.Context(), v.scope)
	if err != nil {
		return err
	}
	return v.show("export", "Export", "/export", list)
}

func (s *web) export(v *visit) error {
	e, err := s.Service.BeginExport(v.Context(), v.scope)
	if err != nil {
		return err
	}
	e.Send(v.w, v.Request)
	return nil
}
