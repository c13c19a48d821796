module x

go 1.21
require (
	github.com/a/a v1.0.0 // indirect
)
replace github.com/a/a v1.0.0 => ../a
