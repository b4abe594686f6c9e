// Package chart draws bars side by side as SVG, which a browser and a page on a
// code host show without help. It knows what the reports here need, and no more.
package chart

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

// A Chart is groups of bars, in one or more panels below each other that share
// their scale.
type Chart struct {
	Title string
	Unit  string   // of the values, such as "times raw pgx"
	Line  float64  // a level to draw through; none if zero
	Bars  []string // what the bars of each group stand for, in order
	Panel []Panel
}

// A Panel has one group for each thing that was measured.
type Panel struct {
	Title  string
	Groups []Group
}

// A Group has a value for each bar; one that is not a number leaves a gap.
type Group struct {
	Title  string
	Values []Value
}

// A Value is a bar's height, and from where to where it varied.
type Value struct{ Height, Low, High float64 }

// None is the value of a bar that is not there.
var None = Value{math.NaN(), math.NaN(), math.NaN()}

// Okabe and Ito's colours, which also those tell apart who see few colours.
var palette = []string{"#444444", "#0072b2", "#56b4e9", "#009e73", "#e69f00", "#d55e00", "#cc79a7", "#999999"}

const (
	width    = 960
	left     = 56
	right    = 16
	top      = 44 // the title
	line     = 18 // of the key
	tall     = 190
	between  = 58 // below a panel: names of the groups, title of the next
	fontSize = 12
)

// Write draws the chart.
func (c *Chart) Write(w io.Writer) error {
	if err := c.check(); err != nil {
		return err
	}
	var b bytes.Buffer
	key, under := c.key()
	height := under + len(c.Panel)*(tall+between) + 8
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="sans-serif" font-size="%d">`+"\n",
		width, height, width, height, fontSize)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", width, height)
	text(&b, left, 22, "start", `font-size="16" font-weight="bold"`, c.Title)
	b.WriteString(key)
	scale := scaleOf(c)
	for i, p := range c.Panel {
		c.panel(&b, p, scale, under+i*(tall+between)+20)
	}
	b.WriteString("</svg>\n")
	_, err := w.Write(b.Bytes())
	return err
}

func (c *Chart) check() error {
	if len(c.Panel) == 0 || len(c.Bars) == 0 {
		return errors.New("a chart without panels or bars shows nothing (give it some)")
	}
	if len(c.Bars) > len(palette) {
		return fmt.Errorf("%d bars are more than there are colours, %d", len(c.Bars), len(palette))
	}
	for _, p := range c.Panel {
		for _, g := range p.Groups {
			if len(g.Values) != len(c.Bars) {
				return fmt.Errorf("group %q has %d values for %d bars", g.Title, len(g.Values), len(c.Bars))
			}
		}
	}
	return nil
}

// key says which colour is which bar, in as many lines as it takes, and where
// it ends.
func (c *Chart) key() (drawing string, under int) {
	var b bytes.Buffer
	x, y := float64(left), top
	for i, name := range c.Bars {
		wide := 32 + 7.2*float64(len([]rune(name)))
		if x > left && x+wide > width-right {
			x, y = left, y+line
		}
		fmt.Fprintf(&b, `<rect x="%.1f" y="%d" width="11" height="11" fill="%s"/>`+"\n", x, y-10, palette[i])
		text(&b, x+15, float64(y), "start", "", name)
		x += wide
	}
	return b.String(), y + line
}

// scale maps values to heights: from 0 to a round number above the highest.
type scale struct{ most, step float64 }

func scaleOf(c *Chart) scale {
	most := c.Line
	for _, p := range c.Panel {
		for _, g := range p.Groups {
			for _, v := range g.Values {
				if !math.IsNaN(v.Height) {
					most = max(most, v.Height, v.High)
				}
			}
		}
	}
	if most <= 0 {
		most = 1
	}
	// 1, 2 or 5 times a power of ten, for four to eight steps.
	power := math.Pow(10, math.Floor(math.Log10(most)))
	step := power
	for _, part := range []float64{5, 2, 1, 0.5, 0.2} {
		if step = part * power; most/step > 4 {
			break
		}
	}
	return scale{math.Ceil(most/step) * step, step}
}

func (s scale) height(v float64) float64 { return v / s.most * tall }

func (c *Chart) panel(b *bytes.Buffer, p Panel, s scale, y int) {
	bottom := float64(y + tall)
	text(b, left, float64(y-8), "start", `font-weight="bold"`, p.Title)
	for v := 0.0; v <= s.most*1.0001; v += s.step {
		at := bottom - s.height(v)
		fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#dddddd"/>`+"\n", left, width-right, at, at)
		text(b, left-6, at+4, "end", `fill="#555555"`, trim(v))
	}
	text(b, 14, float64(y)+tall/2, "middle", fmt.Sprintf(`fill="#555555" transform="rotate(-90 14 %.1f)"`, float64(y)+tall/2), c.Unit)
	wide := float64(width-left-right) / float64(max(1, len(p.Groups)))
	for i, g := range p.Groups {
		c.group(b, g, s, float64(left)+float64(i)*wide, wide, bottom)
	}
	if c.Line > 0 {
		at := bottom - s.height(c.Line)
		fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#000000" stroke-dasharray="4 3"/>`+"\n", left, width-right, at, at)
	}
}

func (c *Chart) group(b *bytes.Buffer, g Group, s scale, x, wide, bottom float64) {
	bar := wide * 0.84 / float64(len(c.Bars))
	for i, v := range g.Values {
		if math.IsNaN(v.Height) {
			continue
		}
		at := x + wide*0.08 + float64(i)*bar
		high := s.height(v.Height)
		fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"><title>%s, %s: %s</title></rect>`+"\n",
			at, bottom-high, bar*0.9, high, palette[i], escape(g.Title), escape(c.Bars[i]), trim(v.Height))
		if v.High > v.Low {
			fmt.Fprintf(b, `<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" stroke="#000000"/>`+"\n",
				at+bar*0.45, at+bar*0.45, bottom-s.height(v.Low), bottom-s.height(v.High))
		}
	}
	text(b, x+wide/2, bottom+16, "middle", "", g.Title)
}

func text(b *bytes.Buffer, x, y float64, anchor, more, s string) {
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="%s" %s>%s</text>`+"\n", x, y, anchor, more, escape(s))
}

func trim(v float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", v), "0"), ".")
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}
