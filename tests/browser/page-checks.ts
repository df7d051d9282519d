/** Checks of a page by computation. Each gives what is wrong, in words; nothing when all is well. */
import type { Page } from "playwright-core";

/** What sticks out of the window sideways. */
export function overflowing(page: Page): Promise<readonly string[]> {
  return page.evaluate(() => {
    const limit = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth > limit)
      return [`page: ${document.documentElement.scrollWidth} px`];
    return [...document.querySelectorAll("#root *, main *")]
      .filter((element) => element.closest(".visually-hidden") === null)
      .filter((element) => element.getBoundingClientRect().right > limit + 1)
      .map((element) => `${element.tagName} .${element.className}`);
  });
}

/** Controls without an accessible name, images without text, ids used twice, an order of focus by hand. */
export function nameless(page: Page): Promise<readonly string[]> {
  return page.evaluate(() => {
    const nameOf = (element: Element): string => {
      const labelledBy = element.getAttribute("aria-labelledby");
      if (labelledBy !== null) return document.getElementById(labelledBy)?.textContent ?? "";
      const labels =
        element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement
          ? [...(element.labels ?? [])].map((label) => label.textContent).join(" ")
          : element.textContent;
      return element.getAttribute("aria-label") ?? labels ?? "";
    };
    const controls = [...document.querySelectorAll("a, button, input, textarea, dialog, nav, main, section")];
    const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
    return [
      ...controls
        .filter((element) => nameOf(element).trim() === "")
        .map((element) => element.outerHTML.slice(0, 90)),
      ...ids.filter((id, index) => ids.indexOf(id) !== index).map((id) => `id ${id} is used twice`),
      ...[...document.querySelectorAll("svg:not([aria-hidden]), img:not([alt])")].map(
        (image) => image.outerHTML,
      ),
      ...[...document.querySelectorAll<HTMLElement>("[tabindex]")]
        .filter((element) => element.tabIndex > 0)
        .map((element) => `tabindex ${element.tabIndex}`),
      ...(document.documentElement.lang === "" ? ["the document has no language"] : []),
      ...(document.querySelectorAll("main").length > 1 ? ["more than one main"] : []),
    ];
  });
}

/** Texts whose contrast with their ground is below 4.5 (3 from 24 px, or bold from 18.66 px). */
export function paleTexts(page: Page): Promise<readonly string[]> {
  return page.evaluate(() => {
    type Colour = readonly [number, number, number, number];
    const read = (text: string): Colour => {
      const [red = 0, green = 0, blue = 0, alpha = 1] = (text.match(/[\d.]+/g) ?? []).map(Number);
      return [red, green, blue, alpha];
    };
    const over = (top: Colour, below: Colour): Colour => {
      const mix = (index: 0 | 1 | 2): number => top[index] * top[3] + below[index] * (1 - top[3]);
      return [mix(0), mix(1), mix(2), 1];
    };
    const groundOf = (element: Element | null): Colour => {
      if (element === null) return [255, 255, 255, 1];
      const own = read(getComputedStyle(element).backgroundColor);
      return own[3] === 1 ? own : over(own, groundOf(element.parentElement));
    };
    const luminance = ([red, green, blue]: Colour): number => {
      const linear = (value: number): number => {
        const part = value / 255;
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
      };
      return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
    };
    const pale: string[] = [];
    for (const element of document.querySelectorAll("body *")) {
      const text = [...element.childNodes]
        .filter((node) => node.nodeType === Node.TEXT_NODE)
        .map((node) => node.textContent?.trim() ?? "")
        .join("");
      const isShown = element.checkVisibility() && element.closest(".visually-hidden, noscript") === null;
      // Controls that cannot be used are exempt (1.4.3).
      if (text === "" || !isShown || element.closest(":disabled") !== null) continue;
      const style = getComputedStyle(element);
      const ground = groundOf(element);
      const [a, b] = [luminance(over(read(style.color), ground)), luminance(ground)];
      const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      const size = Number.parseFloat(style.fontSize);
      const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      if (contrast < (isLarge ? 3 : 4.5)) pale.push(`${text.slice(0, 40)}: ${contrast.toFixed(2)}`);
    }
    return pale;
  });
}
