package config

// Example is the smallest sensible configuration: one name, a primary that is watched and a backup that is not.
const Example = `zones:
  - name: example.com
    file: example.com.zone

services:
  - name: web
    records: [www.example.com]
    targets:
      - name: primary
        addresses: [203.0.113.10]
        check: {http: "https://www.example.com/"}
      - name: backup
        addresses: [198.51.100.20]
`
