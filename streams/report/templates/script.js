// Without this English is shown and the switch works all the same; with it the reader's own
// language is chosen: ?lang=zh or #zh, else the browser's.
(function () {
  var en = document.getElementById("lang-en"), zh = document.getElementById("lang-zh");
  function told() { document.documentElement.lang = zh.checked ? "zh-CN" : "en"; }
  var asked = new URLSearchParams(location.search).get("lang") || location.hash.slice(1);
  if (asked !== "en" && asked !== "zh") asked = (navigator.language || "en").slice(0, 2);
  (asked === "zh" ? zh : en).checked = true;
  en.onchange = zh.onchange = told;
  told();
  addEventListener("beforeprint", function () {
    document.querySelectorAll("details.case").forEach(function (one) { one.open = true; });
  });
})();
