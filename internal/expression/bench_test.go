package expression

import "testing"

func BenchmarkMatch(b *testing.B) {
	for _, c := range []struct{ name, src string }{
		{"all", `all`},
		{"equal", `channel == "card"`},
		{"and", `channel == "card" and amount > 1000 and currency == "CNY"`},
		{"in8", `payee in ["1","2","3","4","5","6","7","shop-7"]`},
		{"in9", `payee in ["1","2","3","4","5","6","7","8","shop-7"]`},
		{"prefix", `payer startsWith "622202" and not (amount in 1..1000)`},
		{"machine", `lower(method) == "visa"`},
		{"machine-after-native", `channel == "app" and lower(method) == "visa"`},
		{"regexp", `payer matches "^6222[0-9]{15}$"`},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := scope(b, c.src)
			p := card()
			b.ReportAllocs()
			for b.Loop() {
				s.Match(p)
			}
		})
	}
}

func BenchmarkCompileScope(b *testing.B) {
	for b.Loop() {
		scope(b, `channel == "card" and amount > 1000 and currency == "CNY"`)
	}
}
