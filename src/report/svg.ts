// SVG and HTML as text: elements with escaped attributes and children that are markup already.

export type Attributes = { readonly [name: string]: string | number | undefined };

/** Text for content and for attributes in double quotes. */
export function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** `<name a="1">children</name>`; numbers are written with at most two decimals. */
export function element(name: string, attributes: Attributes, ...children: readonly string[]): string {
  const list = Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [` ${key}="${typeof value === 'number' ? round(value) : escapeText(value)}"`],
  );
  const open = `<${name}${list.join('')}`;
  return children.length === 0 ? `${open}/>` : `${open}>${children.join('')}</${name}>`;
}

/** An svg element of the given size that grows and shrinks with its box. */
export function picture(width: number, height: number, label: string, ...children: readonly string[]): string {
  const attributes = { viewBox: `0 0 ${round(width)} ${round(height)}`, role: 'img', 'aria-label': label };
  return element('svg', attributes, ...children);
}

/** One line of text; anchored at its start unless said. */
export function label(x: number, y: number, text: string, attributes: Attributes = {}): string {
  return element('text', { x, y, ...attributes }, escapeText(text));
}

/** The text that a browser shows beside the pointer. */
export function tooltip(lines: readonly string[]): string {
  return element('title', {}, escapeText(lines.filter((line) => line !== '').join('\n')));
}

/** Cut to `length` characters, with an ellipsis. */
export function shorten(text: string, length: number): string {
  const characters = [...text];
  return characters.length <= length ? text : `${characters.slice(0, Math.max(1, length - 1)).join('')}…`;
}

export function round(value: number): string {
  return String(Number(value.toFixed(2)));
}
