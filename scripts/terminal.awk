# Draws lines of a terminal, with the colours of the log, as an SVG picture on standard output.

BEGIN {
	WIDTH = 118 # characters; what is longer is cut
	CELL = 8.4; LINE = 20; MARGIN = 22
	colour[31] = colour[91] = "#ff7b72"
	colour[32] = colour[92] = "#7ee787"
	colour[33] = colour[93] = "#e3b341"
	colour[34] = colour[94] = "#79c0ff"
	colour[36] = colour[96] = "#76e3ea"
}

{ lines[NR] = draw($0) }

END {
	width = WIDTH * CELL + 2 * MARGIN
	height = NR * LINE + 2 * MARGIN + 14
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\">\n", width, height, width, height
	print "<title>A terminal: leat serve, and leat probe of the stream that ffmpeg publishes to it</title>"
	printf "<rect width=\"%d\" height=\"%d\" rx=\"8\" fill=\"#0d1117\"/>\n", width, height
	for (i = 0; i < 3; i++) printf "<circle cx=\"%d\" cy=\"16\" r=\"5\" fill=\"#30363d\"/>\n", MARGIN + 4 + 18 * i
	print "<g fill=\"#e6edf3\" font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"14\" xml:space=\"preserve\">"
	for (n = 1; n <= NR; n++) {
		if (lines[n] == "") continue
		printf "<text x=\"%d\" y=\"%d\">%s</text>\n", MARGIN, MARGIN + 14 + n * LINE, lines[n]
	}
	print "</g>\n</svg>"
}

# draw returns a line as text spans, one for each run of characters in the same style.
function draw(s,   out, room, text, codes) {
	out = ""; room = WIDTH; bold = fill = ""
	while (s != "") {
		if (match(s, /^\033\[[0-9;]*m/)) {
			codes = substr(s, 3, RLENGTH - 3)
			s = substr(s, RLENGTH + 1)
			restyle(codes)
			continue
		}
		text = s
		if (match(s, /\033/)) text = substr(s, 1, RSTART - 1)
		s = substr(s, length(text) + 1)
		if (length(text) > room) text = substr(text, 1, room - 1) "…"
		room -= length(text)
		out = out span(text)
		if (room <= 0) break
	}
	return out
}

function restyle(codes,   list, count, i) {
	count = split(codes, list, ";")
	if (count == 0) bold = fill = ""
	for (i = 1; i <= count; i++) {
		if (list[i] == 0 || list[i] == 22) bold = fill = ""
		else if (list[i] == 1) bold = " font-weight=\"bold\""
		else if (list[i] == 2) fill = " fill=\"#8b949e\""
		else if (list[i] in colour) fill = " fill=\"" colour[list[i]] "\""
	}
}

function span(text) {
	gsub(/&/, "\\&amp;", text); gsub(/</, "\\&lt;", text); gsub(/>/, "\\&gt;", text)
	if (bold fill == "" || text == "") return text
	return "<tspan" bold fill ">" text "</tspan>"
}
