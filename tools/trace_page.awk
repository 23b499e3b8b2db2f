# trace_page.awk -- a file's lines as C strings; of a line "@INCLUDE name" the
# lines of that file in the folder, without the essay at its top.
function put(line) {
	gsub(/\\/, "\\\\", line)
	gsub(/"/, "\\\"", line)
	printf "\"%s\\n\",\n", line
}
/^@INCLUDE / {
	name = folder "/" $2
	essay = 1
	while ((got = (getline line < name)) > 0) {
		if (!essay)
			put(line)
		if (line ~ /\*\//)
			essay = 0
	}
	if (got < 0) {
		print name ": cannot be read" > "/dev/stderr"
		exit 1
	}
	close(name)
	next
}
{ put($0) }
