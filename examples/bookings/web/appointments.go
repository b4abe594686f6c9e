package web

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/examples/bookings/service"
	"github.com/watertight-go/watertight/examples/bookings/store"
)

// begin is the first page of a tenant.
func (s *web) begin(v *visit) error {
	http.Redirect(v.w, v.Request, v.base()+"/appointments", http.StatusSeeOther)
	return nil
}

// week is a page of the calendar, from Monday on.
type week struct {
	Monday, Before, After time.Time
	First                 time.Time // the day that the form proposes
	Days                  []day
	Rooms                 []store.ListRoomsRow
	Minutes               []int
	MayBook, MayAddRoom   bool
}

type day struct {
	At           time.Time
	Today        bool
	Appointments []store.ListAppointmentsRow
}

const oneDay = 24 * time.Hour

// monday is the begin of the week of a day, in UTC.
func monday(t time.Time) time.Time {
	t = t.UTC().Truncate(oneDay)
	return t.AddDate(0, 0, -(int(t.Weekday())+6)%7)
}

func (s *web) appointments(v *visit) error {
	now := time.Now()
	first := now.UTC().Truncate(oneDay)
	if asked, err := time.Parse(time.DateOnly, v.URL.Query().Get("week")); err == nil && monday(asked) != monday(now) {
		first = monday(asked)
	}
	w := week{
		Monday: monday(first), First: first, Minutes: []int{15, 30, 45, 60, 90, 120},
		MayBook: v.writes(), MayAddRoom: v.manages(),
	}
	w.Before, w.After = w.Monday.AddDate(0, 0, -7), w.Monday.AddDate(0, 0, 7)
	list, err := s.Service.Appointments(v.Context(), v.scope, w.Monday, w.After)
	if err != nil {
		return err
	}
	if w.Rooms, err = s.Service.Rooms(v.Context(), v.scope); err != nil {
		return err
	}
	w.Days = days(w.Monday, now, list)
	return v.show("appointments", "Appointments", "/appointments", w)
}

// days puts appointments, which come in the order of time, on the days of a week.
func days(monday, now time.Time, list []store.ListAppointmentsRow) []day {
	out := make([]day, 7)
	for i := range out {
		at := monday.AddDate(0, 0, i)
		out[i] = day{At: at, Today: now.UTC().Truncate(oneDay).Equal(at)}
	}
	for _, a := range list {
		i := int(a.StartsAt.Sub(monday) / oneDay)
		out[i].Appointments = append(out[i].Appointments, a)
	}
	return out
}

func (s *web) book(v *visit) error {
	form := v.PostForm
	start, _ := time.Parse(time.DateOnly+" 15:04", form.Get("date")+" "+form.Get("time")) // zero is refused by the service
	minutes, _ := strconv.ParseInt(form.Get("minutes"), 10, 32)                           // so is this
	_, err := s.Service.Book(v.Context(), v.scope, service.Booking{
		Room: v.choice("room"), Subject: form.Get("subject"), StartsAt: start, Minutes: int32(minutes),
	})
	if err != nil {
		return v.again(err, s.appointments)
	}
	http.Redirect(v.w, v.Request, v.base()+"/appointments?done=booked&week="+start.Format(time.DateOnly), http.StatusSeeOther)
	return nil
}

func (s *web) addRoom(v *visit) error {
	if _, err := s.Service.AddRoom(v.Context(), v.scope, v.PostForm.Get("name")); err != nil {
		return v.again(err, s.appointments)
	}
	return v.done("/appointments", "room")
}

// appointment is the page of one, with its files.
type appointment struct {
	store.GetAppointmentRow

	Until    time.Time
	Files    []store.ListAttachmentsRow
	MayWrite bool
}

func (s *web) appointment(v *visit) error {
	id, err := v.id("id")
	if err != nil {
		return err
	}
	a := appointment{MayWrite: v.writes()}
	if a.GetAppointmentRow, err = s.Service.Appointment(v.Context(), v.scope, id); err != nil {
		return err
	}
	a.Until = a.StartsAt.Add(time.Duration(a.Minutes) * time.Minute)
	if a.Files, err = s.Service.Attachments(v.Context(), v.scope, id); err != nil {
		return err
	}
	return v.show("appointment", a.Subject, "/appointments", a)
}

func (s *web) cancel(v *visit) error {
	id, err := v.id("id")
	if err != nil {
		return err
	}
	if err := s.Service.Cancel(v.Context(), v.scope, id); err != nil {
		return err
	}
	return v.done("/appointments", "cancelled")
}

// attach reads the file out of the form as it comes: nothing of it is put aside
// on a disk, unsealed.
func (s *web) attach(v *visit) error {
	id, err := v.id("id")
	if err != nil {
		return err
	}
	v.Body = http.MaxBytesReader(v.w, v.Body, service.MaxFile+maxForm)
	part, err := filePart(v.Request)
	if err != nil {
		return v.again(err, s.appointment)
	}
	defer part.Close()
	if _, err := s.Service.Attach(v.Context(), v.scope, id, part.FileName(), part); err != nil {
		return v.again(tooLong(err), s.appointment)
	}
	return v.done("/appointments/"+id.String(), "attached")
}

var errNoFile = &service.InputError{Field: "file", Text: "Choose a file."}

// filePart finds the part of the form that is the file.
func filePart(r *http.Request) (*multipart.Part, error) {
	form, err := r.MultipartReader()
	if err != nil {
		return nil, errNoFile
	}
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return nil, errNoFile
		}
		if err != nil {
			return nil, tooLong(err)
		}
		if part.FormName() == "file" && part.FileName() != "" {
			return part, nil
		}
	}
}

// tooLong turns the end of a body that is too long into what it means here.
func tooLong(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &service.InputError{Field: "file", Text: "The file is too large."}
	}
	return err
}

// fileOf reads the two ids of a file's address.
func (v *visit) fileOf() (appointment, file uuid.UUID, err error) {
	if appointment, err = v.id("id"); err == nil {
		file, err = v.id("file")
	}
	return appointment, file, err
}

func (s *web) download(v *visit) error {
	of, file, err := v.fileOf()
	if err != nil {
		return err
	}
	token, err := s.Service.Download(v.Context(), v.scope, of, file)
	if err != nil {
		return err
	}
	http.Redirect(v.w, v.Request, v.base()+"/files/"+token, http.StatusSeeOther)
	return nil
}

func (s *web) detach(v *visit) error {
	of, file, err := v.fileOf()
	if err != nil {
		return err
	}
	if err := s.Service.Detach(v.Context(), v.scope, of, file); err != nil {
		return err
	}
	return v.done("/appointments/"+of.String(), "detached")
}
