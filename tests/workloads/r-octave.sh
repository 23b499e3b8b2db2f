# timeout: 60
cat > a.R <<'EOT'
set.seed(1); x <- lapply(1:60000, function(i) list(a = i, b = paste0("s", i)))
print(length(unlist(x))); d <- data.frame(g = rep(1:500, 200), v = (1:100000 * 7919) %% 1009)
print(head(aggregate(v ~ g, d, sum))); m <- matrix((1:90000 * 31) %% 97, 300); print(sum(solve(m + diag(300)) > 0))
e <- new.env(); for (i in 1:50000) assign(paste0("k", i * 7919 %% 30011), i, e); print(length(ls(e))); gc(verbose = FALSE) -> z
print(summary(lm(v ~ g, d))$r.squared); s <- paste(1:50000, collapse = ","); print(nchar(gsub("[0-9]+", "x", s))); f <- function(n) if (n < 2) 1 else f(n - 1) + f(n - 2); print(f(18))
for (i in 1:40) y <- sort(runif(100000)); print(y[7]); con <- textConnection(rep("a b c", 3000)); print(dim(read.table(con)))
EOT
Rscript --vanilla a.R
octave-cli --no-gui --no-history --no-init-file -q --eval 's = struct(); for i = 1:4000, s.(sprintf("k%d", mod(i * 7919, 3001))) = num2cell(1:mod(i, 20)); end; disp(numel(fieldnames(s)));
a = mod(reshape((1:90000) * 31, 300, 300), 97); disp(sum(sum(inv(a + eye(300)) > 0))); c = cell(1, 20000); for i = 1:20000, c{i} = sprintf("%d", i); end; disp(numel([c{:}]));
disp(numel(regexprep(strjoin(c, ","), "[0-9]+", "x"))); x = 0; for i = 1:100000, x = x + mod(i, 7); end; disp(x); m = containers.Map(); for i = 1:3000, m(c{i}) = i; end; disp(m.Count); try, error("known"); catch e, disp(e.message); end;
for i = 1:30, b = svd(rand(100)); end; disp(size(b)); function r = f(n), if n < 2, r = 1; else r = f(n - 1) + f(n - 2); end, end; disp(f(14))'
