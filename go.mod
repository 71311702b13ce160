module leat

go 1.26
