package service

import (
	"context"
	"errors"
	"io"
	"mime"
	"path/filepath"

	"github.com/google/uuid"

	"github.com/watertight-go/watertight/examples/bookings/store"
	"github.com/watertight-go/watertight/files"
	"github.com/watertight-go/watertight/tenancy"
)

// MaxFile is the size of the largest attachment.
const MaxFile = 10 << 20

// Attachments lists the files of an appointment.
func (b *Bookings) Attachments(ctx context.Context, s tenancy.Scope, appointment uuid.UUID) ([]store.ListAttachmentsRow, error) {
	return b.in(s).ListAttachments(ctx, s.Tenant(), appointment)
}

// Attach keeps a file with an appointment, for everybody but viewers. The
// content type is guessed from the name: what the browser says is as good.
func (b *Bookings) Attach(ctx context.Context, s tenancy.Scope, appointment uuid.UUID, name string, content io.Reader) (uuid.UUID, error) {
	if _, err := b.Appointment(ctx, s, appointment); err != nil {
		return uuid.Nil, err
	}
	name = files.CleanName(name)
	f, err := b.cfg.Files.For(s).Create(ctx, files.Upload{Name: name, ContentType: typeOf(name), Size: -1}, content)
	if err != nil {
		return uuid.Nil, err
	}
	if err := b.in(s).Attach(ctx, s.Tenant(), appointment, f.ID); err != nil {
		return uuid.Nil, errors.Join(err, b.cfg.Files.For(s).Delete(ctx, f.ID))
	}
	return f.ID, nil
}

// typeOf never returns an empty type. Parameters go: nobody has looked at the
// content, so nobody knows its charset.
func typeOf(name string) string {
	media, _, err := mime.ParseMediaType(mime.TypeByExtension(filepath.Ext(name)))
	if err != nil {
		return "application/octet-stream"
	}
	return media
}

// Download returns a link that lets this account, and no other, download a file
// of an appointment for some minutes. See files.LinkHandler.
func (b *Bookings) Download(ctx context.Context, s tenancy.Scope, appointment, file uuid.UUID) (token string, err error) {
	if _, err := b.in(s).GetAttachment(ctx, s.Tenant(), appointment, file); err != nil {
		return "", err
	}
	token, _, err = b.cfg.Files.For(s).Link(ctx, file, 0)
	return token, err
}

// Detach removes a file of an appointment, for everybody but viewers.
func (b *Bookings) Detach(ctx context.Context, s tenancy.Scope, appointment, file uuid.UUID) error {
	if _, err := b.in(s).AttachmentToRemove(ctx, s.Tenant(), appointment, file); err != nil {
		return err
	}
	return b.cfg.Files.For(s).Delete(ctx, file)
}
