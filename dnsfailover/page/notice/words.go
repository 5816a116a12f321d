package notice

import "strings"

// Words are the texts in one language.
type Words struct {
	Tag                string // RFC 5646, as in "en"
	Planned, Unplanned Announcement
	Reason             string // stands before the reason
	Back               string // stands before the time at which the site is expected back
	Soon               string // in place of the countdown when that time has come
	Returns            string // says that the page goes away by itself
	Returned           string // says that the site is there again
	Contact            string // the text of the link to whom visitors can turn to
	Again              string // the text of the link that looks again
}

// Announcement is what the notice says at first.
type Announcement struct{ Title, Text string }

// BuiltIn are the languages that need no configuration. The first one is the default.
var BuiltIn = []Words{
	{
		Tag:       "en",
		Planned:   Announcement{"Under maintenance", "We are working on this site. Thank you for your patience."},
		Unplanned: Announcement{"Back in a moment", "This site can't be reached just now. We are on it."},
		Reason:    "What is being done", Back: "Expected back", Soon: "Any moment now",
		Returns: "You can leave this page open: it goes back to the site by itself.", Returned: "The site is back",
		Contact: "Contact us", Again: "Try again",
	},
	{
		Tag:       "de",
		Planned:   Announcement{"Wartungsarbeiten", "Wir arbeiten gerade an dieser Website. Vielen Dank für Ihre Geduld."},
		Unplanned: Announcement{"Gleich wieder da", "Diese Website ist im Moment nicht erreichbar. Wir kümmern uns darum."},
		Reason:    "Was gerade geschieht", Back: "Voraussichtlich wieder da", Soon: "Jeden Augenblick",
		Returns: "Sie können diese Seite offen lassen: Sie kehrt von selbst zur Website zurück.", Returned: "Die Website ist wieder da",
		Contact: "Kontakt", Again: "Erneut versuchen",
	},
	{
		Tag:       "fr",
		Planned:   Announcement{"Maintenance en cours", "Nous travaillons sur ce site. Merci de votre patience."},
		Unplanned: Announcement{"De retour dans un instant", "Ce site est momentanément inaccessible. Nous nous en occupons."},
		Reason:    "Ce que nous faisons", Back: "Retour prévu", Soon: "D’un instant à l’autre",
		Returns: "Vous pouvez laisser cette page ouverte : elle revient au site d’elle-même.", Returned: "Le site est de retour",
		Contact: "Nous contacter", Again: "Réessayer",
	},
	{
		Tag:       "es",
		Planned:   Announcement{"En mantenimiento", "Estamos trabajando en este sitio. Gracias por su paciencia."},
		Unplanned: Announcement{"Volvemos enseguida", "Este sitio no está disponible en este momento. Ya estamos en ello."},
		Reason:    "Qué estamos haciendo", Back: "Vuelta prevista", Soon: "En cualquier momento",
		Returns: "Puede dejar esta página abierta: volverá al sitio por sí sola.", Returned: "El sitio ya está de vuelta",
		Contact: "Contacto", Again: "Reintentar",
	},
	{
		Tag:       "it",
		Planned:   Announcement{"In manutenzione", "Stiamo lavorando a questo sito. Grazie per la pazienza."},
		Unplanned: Announcement{"Torniamo subito", "Al momento questo sito non è raggiungibile. Ce ne stiamo occupando."},
		Reason:    "Che cosa stiamo facendo", Back: "Ritorno previsto", Soon: "Da un momento all’altro",
		Returns: "Può lasciare aperta questa pagina: tornerà al sito da sola.", Returned: "Il sito è di nuovo disponibile",
		Contact: "Contatti", Again: "Riprova",
	},
	{
		Tag:       "pt",
		Planned:   Announcement{"Em manutenção", "Estamos a trabalhar neste site. Obrigado pela sua paciência."},
		Unplanned: Announcement{"Voltamos já", "Este site não está acessível neste momento. Já estamos a tratar disso."},
		Reason:    "O que estamos a fazer", Back: "Regresso previsto", Soon: "A qualquer momento",
		Returns: "Pode deixar esta página aberta: ela volta ao site sozinha.", Returned: "O site está de volta",
		Contact: "Contacto", Again: "Tentar novamente",
	},
	{
		Tag:       "nl",
		Planned:   Announcement{"Onderhoud", "We werken op dit moment aan deze site. Bedankt voor uw geduld."},
		Unplanned: Announcement{"Zo weer terug", "Deze site is nu niet bereikbaar. We zijn ermee bezig."},
		Reason:    "Wat er gebeurt", Back: "Naar verwachting terug", Soon: "Elk moment",
		Returns: "U kunt deze pagina open laten: ze gaat vanzelf terug naar de site.", Returned: "De site is er weer",
		Contact: "Contact", Again: "Opnieuw proberen",
	},
	{
		Tag:       "pl",
		Planned:   Announcement{"Prace serwisowe", "Pracujemy nad tą stroną. Dziękujemy za cierpliwość."},
		Unplanned: Announcement{"Zaraz wracamy", "Ta strona jest chwilowo niedostępna. Już się tym zajmujemy."},
		Reason:    "Co robimy", Back: "Przewidywany powrót", Soon: "Lada moment",
		Returns: "Możesz zostawić tę stronę otwartą: sama wróci do serwisu.", Returned: "Strona znów działa",
		Contact: "Kontakt", Again: "Spróbuj ponownie",
	},
	{
		Tag:       "ja",
		Planned:   Announcement{"メンテナンス中です", "現在、このサイトのメンテナンスを行っています。ご迷惑をおかけして申し訳ございません。"},
		Unplanned: Announcement{"まもなく復旧します", "現在、このサイトに接続できません。復旧作業を進めております。"},
		Reason:    "作業内容", Back: "再開予定", Soon: "まもなく再開します",
		Returns: "このページを開いたままお待ちください。再開すると自動的にサイトへ戻ります。", Returned: "サイトが再開しました",
		Contact: "お問い合わせ", Again: "もう一度試す",
	},
	{
		Tag:       "zh",
		Planned:   Announcement{"网站维护中", "我们正在维护本网站，感谢您的耐心等待。"},
		Unplanned: Announcement{"马上回来", "本网站暂时无法访问，我们正在处理。"},
		Reason:    "维护内容", Back: "预计恢复时间", Soon: "即将恢复",
		Returns: "您可以保持此页面打开，网站恢复后会自动返回。", Returned: "网站已恢复",
		Contact: "联系我们", Again: "重试",
	},
}

// Languages returns the built-in languages with texts in place of what they say differently, and first the one with that tag. What a
// language that isn't built in leaves out is said as in the first one.
func Languages(first string, texts []Words) []Words {
	out := append([]Words{}, BuiltIn...)
	d := Design{Languages: out}
	for _, w := range texts {
		base := d.find([]byte(w.Tag))
		if base < 0 {
			base = max(0, d.find([]byte(first)))
		}
		merged := w.over(out[base])
		if strings.EqualFold(merged.Tag, out[base].Tag) {
			out[base] = merged
		} else {
			out = append(out, merged)
		}
		d.Languages = out
	}
	if i := d.find([]byte(first)); i > 0 {
		chosen := out[i]
		out = append([]Words{chosen}, append(out[:i:i], out[i+1:]...)...)
	}
	return out
}

// over returns w, with what it leaves out taken from under.
func (w Words) over(under Words) Words {
	for _, s := range [][2]*string{
		{&w.Planned.Title, &under.Planned.Title},
		{&w.Planned.Text, &under.Planned.Text},
		{&w.Unplanned.Title, &under.Unplanned.Title},
		{&w.Unplanned.Text, &under.Unplanned.Text},
		{&w.Reason, &under.Reason},
		{&w.Back, &under.Back},
		{&w.Soon, &under.Soon},
		{&w.Returns, &under.Returns},
		{&w.Returned, &under.Returned},
		{&w.Contact, &under.Contact},
		{&w.Again, &under.Again},
	} {
		if *s[0] == "" {
			*s[0] = *s[1]
		}
	}
	return w
}
