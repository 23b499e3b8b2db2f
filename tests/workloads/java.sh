# needs: java javac
# timeout: 90
cat > Main.java <<'EOT'
import java.util.*; import java.util.concurrent.*; import java.util.zip.*; import java.nio.*; import java.util.stream.*;
public class Main {
	record R(int a, String b) {}
	public static void main(String[] args) throws Exception {
		ExecutorService pool = Executors.newFixedThreadPool(6); List<Future<Integer>> parts = new ArrayList<>();
		for (int t = 0; t < 24; t++) { final int n = t; parts.add(pool.submit(() -> {
			Map<String, int[]> m = new HashMap<>(); for (int i = 0; i < 8000; i++) m.put("k" + i * n, new int[i % 100]);
			Deflater d = new Deflater(); d.setInput(new byte[100000 + n]); d.finish(); byte[] out = new byte[1000]; int len = d.deflate(out); d.end();
			ByteBuffer b = ByteBuffer.allocateDirect(100000 * (n + 1)); b.putInt(0, n); synchronized (pool) { pool.notifyAll(); }
			return m.size() + b.getInt(0) + len; })); }
		int sum = 0; for (Future<Integer> f : parts) sum += f.get(); pool.shutdown(); System.out.println(sum); System.gc();
		System.out.println(IntStream.range(0, 300000).parallel().mapToObj(i -> new R(i, "s" + i)).collect(Collectors.groupingBy(r -> r.a % 97)).size());
		System.out.println("abc 123 ".repeat(20000).replaceAll("\\d+", "<$0>").length());
		for (int i = 0; i < 200; i++) { try { Object o = null; o.hashCode(); } catch (NullPointerException e) { sum++; } } System.out.println(sum);
		Thread[] ts = new Thread[100]; for (int i = 0; i < 100; i++) { ts[i] = new Thread(() -> { byte[][] x = new byte[100][]; for (int j = 0; j < 100; j++) x[j] = new byte[1000]; }); ts[i].start(); } for (Thread t : ts) t.join();
		try { f(0); } catch (StackOverflowError e) { System.out.println("overflow"); } System.exit(3);
	}
	static int f(int n) { return f(n + 1) + 1; }
}
EOT
javac Main.java; for o in -XX:+UseSerialGC -XX:+UseG1GC -XX:+UseZGC -Xint "-Xcomp -XX:TieredStopAtLevel=1"; do java $o -Xmx400m Main; echo $?; done
