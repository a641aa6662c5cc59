// What the tests share: the built site, its server on loopback, the browser, pages that are watched.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { chromium } from "playwright-core";

const HERE = fileURLToPath(new URL(".", import.meta.url));
export const ROOT = resolve(process.env.EINLAB_SITE ?? join(HERE, "../../docs/_build/html"));

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".woff2": "font/woff2",
};

// Every page of the site, or those whose address matches EINLAB_PAGES.
export const ALL = readdirSync(ROOT, { recursive: true })
  .filter((name) => name.endsWith(".html"))
  .map((name) => name.split(sep).join("/"))
  .sort();
export const PAGES = ALL.filter((name) => new RegExp(process.env.EINLAB_PAGES || ".").test(name));

// Those pages in whose text something stands.
export const pagesWith = (text) =>
  PAGES.filter((name) => readFileSync(join(ROOT, name), "utf8").includes(text));

// Serves the site as it lies there, uncompressed, and keeps what was asked for.
export async function serve() {
  const asked = [];
  const server = createServer((request, response) => {
    const name = decodeURIComponent(new URL(request.url, "http://x").pathname);
    const place = join(ROOT, name);
    const found = existsSync(place) && !relative(ROOT, place).startsWith("..") && extname(place);
    const body = found ? readFileSync(place) : Buffer.from("not found");
    asked.push({ name, bytes: body.length, found: Boolean(found) });
    const type = TYPES[extname(place)] ?? "application/octet-stream";
    response.writeHead(found ? 200 : 404, { "Content-Type": type, "Cache-Control": "no-store" });
    response.end(body);
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const origin = `http://127.0.0.1:${server.address().port}`;
  return { origin, asked, close: () => new Promise((done) => server.close(done)) };
}

// Chromium for which no other machine has a name.
export function launch() {
  return chromium.launch({
    executablePath: process.env.EINLAB_CHROMIUM || undefined,
    args: ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--no-sandbox"],
  });
}

// A site with its server and its browser, for the tests of one file.
export async function start() {
  const server = await serve();
  const browser = await launch();
  const close = async () => {
    await browser.close();
    await server.close();
  };
  return { server, browser, close };
}

// One page in a browser that holds nothing from before, and what it complained of.
// The theme chosen on the page is the opposite of the system's, so that what follows the system
// only is found.
export async function visit({ server, browser }, name, wishes = {}) {
  const { from = "http", theme = "light", width = 1280, height = 900, script = true } = wishes;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: wishes.system ?? (theme === "light" ? "dark" : "light"),
    reducedMotion: "reduce",
    javaScriptEnabled: script,
    permissions: from === "http" ? ["clipboard-read", "clipboard-write"] : [],
  });
  await context.addInitScript((chosen) => {
    if (!localStorage.getItem("theme")) localStorage.setItem("theme", chosen);
  }, theme);
  const page = await context.newPage();
  const complaints = [];
  const home = from === "http" ? `${server.origin}/` : `${pathToFileURL(ROOT).href}/`;
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(home) && !/^(data|blob):/.test(url)) complaints.push(`asks for ${url}`);
  });
  page.on("requestfailed", (request) => complaints.push(`did not get ${request.url()}`));
  await page.goto(home + name, { waitUntil: "load" });
  return { page, complaints, close: () => context.close() };
}

// A test's own page, closed at its end whatever happens.
export async function on(site, name, wishes, act) {
  const visited = await visit(site, name, wishes);
  try {
    return await act(visited.page, visited.complaints);
  } finally {
    await visited.close();
  }
}

// Opens what is folded, so that what is inside is checked too.
export async function unfold(page) {
  await page.evaluate(() => {
    for (const part of document.querySelectorAll("details")) part.open = true;
  });
}
