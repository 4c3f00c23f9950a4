// Copy and download a song's words as they stand. Runs once, when the page's songs are first shown.
const wordsOf = (song) => {
  const lines = [...song.querySelectorAll(".row .text")].map((line) => line.textContent);
  const title = song.querySelector("h2")?.textContent;
  return { title, text: (title ? `# ${title}\n\n` : "") + lines.join("\n").trim() + "\n" };
};

const copy = async (text) => {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Browsers give no clipboard to pages that come from another machine without encryption.
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
};

element.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  const song = event.target.closest(".song");
  if (!button || !song) return;
  const { title, text } = wordsOf(song);
  if (button.classList.contains("copy")) {
    await copy(text);
    const before = button.textContent;
    button.textContent = COPIED_NOW;
    setTimeout(() => { button.textContent = before; }, 1500);
  } else {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
    link.download = `${(title || "payador").replace(/[\\/:*?"<>|]+/g, " ").trim()}.txt`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }
});
