/* What the copy button copies of a console block: the code, without prompts and without what it shows.
   An empty line ends each statement of several lines, as a plain console needs it. */
document.addEventListener("DOMContentLoaded", () => {
  for (const block of document.querySelectorAll(".language-pycon")) {
    const code = []
    let inside = false
    for (const line of block.querySelector("code").textContent.split("\n")) {
      const goesOn = /^\.\.\.( |$)/.test(line)
      if (inside && !goesOn) code.push("")
      inside = goesOn
      if (goesOn || line.startsWith(">>> ")) code.push(line.slice(4))
    }
    block.dataset.copy = code.join("\n")
  }
})
