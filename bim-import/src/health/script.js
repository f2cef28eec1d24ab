const page = document.documentElement;
const buttons = [...document.querySelectorAll(".switch button")];
const show = (lang) => {
  page.lang = lang;
  for (const button of buttons) {
    button.setAttribute("aria-pressed", String(button.value === lang));
  }
  document.title = page.dataset[lang === "en" ? "en" : "zh"];
};
for (const button of buttons) button.addEventListener("click", () => show(button.value));
const asked = new URLSearchParams(location.search).get("lang");
show((asked ?? navigator.language).toLowerCase().startsWith("zh") ? "zh-Hans" : "en");
addEventListener("beforeprint", () => {
  for (const list of document.querySelectorAll("details")) list.open = true;
});
