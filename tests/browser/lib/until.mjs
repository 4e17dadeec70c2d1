// Waits for a condition, with a deadline that a busy machine, too, keeps.
export async function until(what, check, limit_ms = 30_000) {
  const deadline = Date.now() + limit_ms;
  let last;
  while (Date.now() < deadline) {
    last = await check();
    if (last) return last;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`not within ${limit_ms} ms: ${what} (last: ${JSON.stringify(last)})`);
}
