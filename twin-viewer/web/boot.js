// Loads the WebAssembly with progress, and shows a page with words where it fails.
import init from "./twin_viewer.js";

const $ = (id) => document.getElementById(id);

// winit leaves main() by an exception that means nothing.
const harmless = (reason) => String(reason).includes("Using exceptions for control flow");

let crashed = false;
function crash(reason) {
  if (crashed || harmless(reason)) return;
  crashed = true;
  $("crash-reason").textContent = String(reason).slice(0, 2000);
  $("crash-reload").href = location.href;
  $("crash").hidden = false;
}

// A panic names its reason on the console first; the page shows that instead of "unreachable".
let lastPanic = "";
globalThis.twinPanic = (reason) => { lastPanic = reason; crash(reason); };

addEventListener("error", (event) => {
  if (event.error instanceof WebAssembly.RuntimeError) crash(lastPanic || event.error);
});
addEventListener("unhandledrejection", (event) => {
  if (event.reason instanceof WebAssembly.RuntimeError) crash(lastPanic || event.reason);
});

async function load() {
  const response = await fetch(new URL("twin_viewer_bg.wasm", import.meta.url));
  if (!response.ok) throw new Error(`twin_viewer_bg.wasm: ${response.status} ${response.statusText}`);
  const bar = $("boot-bar"), words = $("boot-words");
  const total = response.headers.get("Content-Encoding")
    ? 0 : Number(response.headers.get("Content-Length"));
  let read = 0;
  const counted = response.body.pipeThrough(new TransformStream({
    transform(chunk, out) {
      read += chunk.byteLength;
      // Without a known size the bar nears its end ever more slowly.
      const part = total ? read / total : 1 - Math.exp(-read / 12e6);
      bar.style.width = `${(part * 100).toFixed(1)}%`;
      words.textContent = `Loading · 正在加载  ${(read / 1e6).toFixed(1)} MB`;
      out.enqueue(chunk);
    },
  }));
  const headers = { "Content-Type": "application/wasm" };
  await init({ module_or_path: new Response(counted, { headers }) });
}

if (typeof WebAssembly !== "object") {
  crash("This browser has no WebAssembly. 此浏览器不支持 WebAssembly。");
} else {
  load().catch(crash);
}
