package notice

import (
	"bytes"
	"encoding/xml"
	"html/template"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// The picture is as wide and high as this, in pixels, with a margin.
const width, height, margin = 640, 360, 48

// line is one line of text in the picture.
type line struct {
	text string
	bold bool
	size int // of the font, in pixels
	fade bool
	y    int // of the base line
}

// lines lays the notice out, as wide as measure says it is.
func lines(v *View, measure func(text string, size int, bold bool) int) []line {
	var out []line
	y := 112
	add := func(text string, size int, bold, fade bool, most int) {
		for i, part := range wrap(text, most, func(s string) bool { return measure(s, size, bold) <= width-2*margin }) {
			if i > 0 {
				y += size * 4 / 3
			}
			out = append(out, line{part, bold, size, fade, y})
		}
	}
	out = append(out, line{v.Site, false, 16, true, 60})
	add(v.Title, 34, true, false, 2)
	y += 40
	add(v.Text, 19, false, true, 2)
	if v.Reason != "" {
		y += 36
		add(v.Reason, 19, false, false, 2)
	}
	if v.Ends() {
		out = append(out, line{v.Words.Back + ": " + v.UntilText(), true, 19, false, height - margin})
	}
	return out
}

// wrap breaks text to lines that fit, no more than most. Where a word alone is too long, and where a language has no blanks, it breaks anywhere.
func wrap(text string, most int, fits func(string) bool) []string {
	var out []string
	now := ""
	put := func(s string) {
		if len(out) < most {
			out = append(out, s)
		} else if last := &out[most-1]; !strings.HasSuffix(*last, "…") {
			r := []rune(*last)
			for len(r) > 0 && !fits(string(r)+"…") {
				r = r[:len(r)-1]
			}
			*last = string(r) + "…"
		}
	}
	for _, word := range strings.Fields(text) {
		joined := strings.TrimSpace(now + " " + word)
		if fits(joined) {
			now = joined
			continue
		}
		if now != "" {
			put(now)
		}
		now = ""
		for _, r := range word {
			if now != "" && !fits(now+string(r)) {
				put(now)
				now = ""
			}
			now += string(r)
		}
	}
	if now != "" {
		put(now)
	}
	return out
}

// drawSVG draws the notice with the fonts of whoever looks at it, in the scheme that they prefer.
func drawSVG(v *View) []byte {
	var b strings.Builder
	b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ` + strconv.Itoa(width) + ` ` + strconv.Itoa(height) + `" width="` + strconv.Itoa(width) + `" height="` + strconv.Itoa(height) +
		`" role="img" lang="` + v.Language + `"><title>` + escape(v.Headline()) + "</title>\n" +
		`<style>svg{color-scheme:light dark;font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}` +
		light.style(v.Accent) + "@media(prefers-color-scheme:dark){" + dark.style(v.AccentDark) + "}.b{font-weight:700}</style>\n" +
		`<rect class="g l" x=".5" y=".5" width="639" height="359" rx="20"/><rect class="a" x="48" y="24" width="56" height="6" rx="3"/>` + "\n")
	for _, l := range lines(v, roughly) {
		class := "i"
		if l.fade {
			class = "f"
		}
		if l.bold {
			class += " b"
		}
		b.WriteString(`<text class="` + class + `" x="48" y="` + strconv.Itoa(l.y+18) + `" font-size="` + strconv.Itoa(l.size) + `">` + escape(l.text) + "</text>\n")
	}
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

// style is the rules of a scheme, with an accent unless that is empty.
func (s scheme) style(accent template.CSS) string {
	return ".g{fill:" + s.card + "}.l{stroke:" + s.line + "}.i{fill:" + s.ink + "}.f{fill:" + s.soft + "}.a{fill:" + s.accented(accent) + "}"
}

// accented returns an accent, or the scheme's own if it is empty.
func (s scheme) accented(accent template.CSS) string {
	if accent == "" {
		return s.accent
	}
	return string(accent)
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}

// roughly guesses how wide a text is in a font that isn't known.
func roughly(text string, size int, bold bool) int {
	n := 0
	for _, r := range text {
		if r >= 0x2E80 { // as wide as high
			n += 100
		} else if bold {
			n += 60
		} else {
			n += 54
		}
	}
	return n * size / 100
}

// fonts are the faces of the picture. A face is not safe for concurrent use, hence the lock.
var fonts = sync.OnceValue(func() *faces {
	f := &faces{cache: map[[2]int]font.Face{}}
	for i, ttf := range [][]byte{goregular.TTF, gobold.TTF} {
		parsed, err := opentype.Parse(ttf)
		if err != nil {
			panic("a font that is part of the program can't be read: " + err.Error())
		}
		f.fonts[i] = parsed
	}
	return f
})

type faces struct {
	mu    sync.Mutex
	fonts [2]*opentype.Font
	cache map[[2]int]font.Face
}

func (f *faces) face(size int, bold bool) font.Face {
	key := [2]int{size, 0}
	if bold {
		key[1] = 1
	}
	face := f.cache[key]
	if face == nil {
		var err error
		if face, err = opentype.NewFace(f.fonts[key[1]], &opentype.FaceOptions{Size: float64(size), DPI: 72, Hinting: font.HintingFull}); err != nil {
			panic("a font that is part of the program can't be used: " + err.Error())
		}
		f.cache[key] = face
	}
	return face
}

// has says whether the fonts can draw a text.
func (f *faces) has(text string) bool {
	for _, r := range text {
		if _, ok := f.face(19, false).GlyphAdvance(r); !ok {
			return false
		}
	}
	return true
}

// drawPNG draws the notice with a font of ours. What that can't write is said in English, or left out.
func drawPNG(v *View) []byte {
	f := fonts()
	f.mu.Lock()
	defer f.mu.Unlock()
	drawn := *v
	if !f.has(v.Title + v.Text + v.Words.Back) {
		drawn.Words = &BuiltIn[0]
		a := drawn.Words.Unplanned
		if v.Planned {
			a = drawn.Words.Planned
		}
		drawn.Title, drawn.Text = a.Title, a.Text
	}
	if !f.has(v.Reason) {
		drawn.Reason = ""
	}
	if !f.has(v.Site) {
		drawn.Site = ""
	}

	ground, ink, soft, mark := rgb(light.card), rgb(light.ink), rgb(light.soft), rgb(light.accented(v.Accent))
	img := image.NewPaletted(image.Rect(0, 0, width, height), palette(ground, ink, soft, mark))
	draw.Draw(img, image.Rect(margin, 24, margin+56, 30), image.NewUniform(mark), image.Point{}, draw.Src)
	measure := func(text string, size int, bold bool) int {
		return font.MeasureString(f.face(size, bold), text).Ceil()
	}
	for _, l := range lines(&drawn, measure) {
		c := ink
		if l.fade {
			c = soft
		}
		d := font.Drawer{Dst: img, Src: image.NewUniform(c), Face: f.face(l.size, l.bold), Dot: fixed.P(margin, l.y+18)}
		d.DrawString(l.text)
	}
	var b bytes.Buffer
	e := png.Encoder{CompressionLevel: png.BestCompression}
	_ = e.Encode(&b, img) // a Buffer takes everything
	return b.Bytes()
}

// palette holds the ground, the mark, and each text colour with its shades over the ground.
func palette(ground, ink, soft, mark color.RGBA) color.Palette {
	p := color.Palette{ground, mark}
	const shades = 7
	for _, c := range []color.RGBA{ink, soft} {
		for i := 1; i <= shades; i++ {
			mix := func(a, b uint8) uint8 { return uint8((int(a)*(shades-i) + int(b)*i) / shades) }
			p = append(p, color.RGBA{mix(ground.R, c.R), mix(ground.G, c.G), mix(ground.B, c.B), 0xff})
		}
	}
	return p
}
