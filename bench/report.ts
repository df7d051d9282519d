/** Figures as a table for people and JSON for machines; every one beside a raw loop measured in the same run. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly triplane: number;
  readonly raw: number;
  readonly rawIs: string;
  readonly better: "higher" | "lower";
  /** Least ratio to the raw loop (higher is better), or the most bytes; undefined: no target. */
  readonly target: number | undefined;
  readonly notes: string;
}

export function ratioOf(figure: Figure): number {
  return figure.triplane / figure.raw;
}

export function metTarget(figure: Figure): boolean | undefined {
  if (figure.target === undefined) return undefined;
  return figure.better === "higher" ? ratioOf(figure) >= figure.target : figure.triplane <= figure.target;
}

export function table(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => {
    const met = metTarget(figure);
    return [
      figure.name,
      shown(figure.triplane, figure.unit),
      shown(figure.raw, figure.unit),
      ratioOf(figure).toFixed(2),
      met === undefined ? "" : met ? "met" : "missed",
      figure.notes,
    ];
  });
  const header = ["what", "Triplane", "raw loop", "ratio", "target", "notes"];
  return [header, header.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function shown(value: number, unit: string): string {
  return unit === "ms" ? `${value.toFixed(1)} ms` : `${Math.round(value).toLocaleString("en-US")} ${unit}`;
}
