// Elements. Whatever comes from a run becomes text, never markup: nothing here reads HTML.

/** An element with attributes (a function under `onNAME` listens) and children: elements, or text. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else if (name === "checked") element.checked = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  put(element, children);
  return element;
}

/** Adds children. */
export function put(element, children) {
  for (const child of [children].flat(9)) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
  return element;
}

/** Puts children in the place of all that was there. */
export function fill(element, ...children) {
  element.replaceChildren();
  return put(element, children);
}

/** Calls `act` once things have been quiet for so many milliseconds. */
export function later(act, milliseconds) {
  let timer;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...given), milliseconds);
  };
}

/** Hands a file to whoever looks at the page. */
export function download(name, content, kind) {
  const address = content instanceof Blob || kind ? URL.createObjectURL(new Blob([content], { type: kind })) : content;
  const link = h("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  if (address !== content) setTimeout(() => URL.revokeObjectURL(address), 10000);
}
