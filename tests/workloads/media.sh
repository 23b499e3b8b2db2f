# needs: ffmpeg convert gs
ffmpeg -v error -threads 2 -f lavfi -i testsrc=d=4:s=320x240 -f lavfi -i sine=d=4 -c:v mpeg4 -bitexact -c:a aac -y a.mp4; ffmpeg -v error -threads 2 -i a.mp4 -vf 'scale=160:-1,hflip,split[a][b];[a][b]hstack' -f framemd5 - | md5sum
ffmpeg -v error -threads 2 -i a.mp4 -c:v libx264 -x264-params threads=2 -preset veryfast -bitexact -y b.mkv; ffmpeg -v error -i b.mkv -f md5 - ; ffmpeg -v error -i a.mp4 -c:v libvpx-vp9 -cpu-used 8 -threads 2 -row-mt 1 -frames:v 20 -bitexact -f framemd5 - | md5sum
/usr/bin/convert -size 600x400 plasma:red-blue -seed 1 x.png 2>&1; /usr/bin/convert -seed 1 -size 400x300 gradient:red-blue -swirl 90 -blur 0x3 -resize 250x -rotate 30 y.png; /usr/bin/identify -format '%w %h %#\n' y.png; /usr/bin/convert y.png -sepia-tone 80% -charcoal 2 y.jpg; /usr/bin/identify -format '%w %h\n' y.jpg
cat > a.ps <<'EOT'
%!PS
/Helvetica findfont 20 scalefont setfont 1 1 30 { /p exch def 0 1 200 { dup 3 mul 10 add exch 7919 mul 700 mod moveto p (          ) cvs show } for 0 0 moveto 0 1 100 { dup 7 mul 600 mod exch 13 mul 700 mod lineto } for stroke showpage } for
EOT
gs -q -dNOPAUSE -dBATCH -dNumRenderingThreads=2 -sDEVICE=png16m -r40 -sOutputFile=p%d.png a.ps; cat p*.png | md5sum; gs -q -dNOPAUSE -dBATCH -sDEVICE=ppmraw -r30 -sOutputFile=q%d.ppm a.ps; cat q*.ppm | md5sum
