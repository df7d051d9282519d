import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { applyTheme, readTheme, type Theme, themes, writeTheme } from "../theme.ts";
import { Icon, type IconName } from "./icon.tsx";

const labels: Readonly<Record<Theme, string>> = {
  auto: "Colours: as the system",
  light: "Colours: light",
  dark: "Colours: dark",
};
const icons: Readonly<Record<Theme, IconName>> = { auto: "auto", light: "sun", dark: "moon" };

/** Goes round: as the system, light, dark. */
export function ThemeToggle(): JSX.Element {
  const [theme, setTheme] = useState<Theme>(readTheme());
  const next = (): void => {
    const following = themes[(themes.indexOf(theme) + 1) % themes.length] ?? "auto";
    writeTheme(following);
    applyTheme(following);
    setTheme(following);
  };
  return (
    <button
      type="button"
      class="icon-button theme-toggle"
      aria-label={labels[theme]}
      title={labels[theme]}
      onClick={next}
    >
      <Icon name={icons[theme]} />
    </button>
  );
}
