// Renders the OpenAPI document; needs nothing but this file.
"use strict";

const make = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
};

// A schema in one line: references by name, arrays as […], objects as {…}.
const brief = (schema) => {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.oneOf) return schema.oneOf.map(brief).filter((name) => name !== "null").join(" | ");
  if (Array.isArray(schema.type)) return schema.type.filter((name) => name !== "null").join(" | ");
  if (schema.type === "array") return `[${brief(schema.items) || "…"}]`;
  return schema.type || "";
};

const fields = (document_, schema) => {
  const named = schema?.$ref ? document_.components.schemas[brief(schema)] : schema;
  const parts = named?.allOf || [named];
  const rows = parts.flatMap((part) =>
    Object.entries((part?.$ref ? document_.components.schemas[brief(part)] : part)?.properties || {}));
  if (rows.length === 0) return [];
  return [make("table", {}, ...rows.map(([name, field]) =>
    make("tr", {}, make("td", {}, make("code", {}, name)), make("td", {}, brief(field)),
      make("td", {}, field.description || ""))))];
};

const tryIt = (path, operation) => {
  const parameters = operation.parameters || [];
  const inputs = parameters.map((parameter) => make("input", { "aria-label": parameter.name }));
  const output = make("pre", { hidden: "" });
  const button = make("button", { type: "button" }, "Try it");
  button.addEventListener("click", async () => {
    let url = path;
    const query = new URLSearchParams();
    parameters.forEach((parameter, i) => {
      const value = inputs[i].value;
      if (parameter.in === "path") url = url.replace(`{${parameter.name}}`, value.split("/").map(encodeURIComponent).join("/"));
      else if (value) query.set(parameter.name, value);
    });
    if (query.size) url += `?${query}`;
    output.hidden = false;
    output.textContent = `GET ${url} …`;
    try {
      const response = await fetch(url);
      const text = await response.text();
      let shown = text;
      try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON: as it is */ }
      output.textContent = `${response.status} GET ${url}\n\n${shown.slice(0, 20000)}`;
    } catch (error) {
      output.textContent = `GET ${url}: ${error}`;
    }
  });
  const rows = parameters.map((parameter, i) =>
    make("tr", {}, make("td", {}, make("code", {}, parameter.name)), make("td", {}, inputs[i]),
      make("td", {}, parameter.description || "")));
  return [...(rows.length ? [make("table", {}, ...rows)] : []), button, output];
};

const operation = (document_, path, method, about) => {
  const responses = Object.entries(about.responses).map(([status, response]) => {
    const schema = Object.values(response.content || {})[0]?.schema;
    return make("tr", {}, make("td", {}, status), make("td", {}, brief(schema)),
      make("td", {}, response.description, ...(status === "200" ? fields(document_, schema) : [])));
  });
  return make("details", {},
    make("summary", {}, make("span", { class: "method" }, method.toUpperCase()), make("code", {}, path),
      make("span", { class: "what" }, about.summary || "")),
    make("div", { class: "body" },
      ...(about.description ? [make("p", {}, about.description)] : []),
      ...(path === "/api/v1/stream" ? [] : tryIt(path, about)),
      make("table", {}, make("tr", {}, make("th", {}, "Status"), make("th", {}, "Body"), make("th", {}, "What")), ...responses)));
};

const show = (document_) => {
  document.getElementById("title").textContent = `${document_.info.title} API ${document_.info.version}`;
  document.getElementById("about").textContent = document_.info.description || "";
  const operations = Object.entries(document_.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, about]) => ({ path, method, about })));
  const sections = (document_.tags || []).map((tag) => make("section", {},
    make("h2", {}, tag.description || tag.name),
    ...operations.filter(({ about }) => (about.tags || []).includes(tag.name))
      .map(({ path, method, about }) => operation(document_, path, method, about))));
  document.getElementById("paths").replaceChildren(...sections);
};

fetch("/api/v1/openapi.json")
  .then((response) => response.json())
  .then(show)
  .catch((error) => { document.getElementById("paths").textContent = `Cannot load the description: ${error}`; });
