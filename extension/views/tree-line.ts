/** A line of a tree before it is a VS Code TreeItem, so that what a tree says can be tested without VS Code. */
export interface TreeLine {
  readonly id?: string;
  readonly label: string;
  readonly description?: string;
  /** Plain text, one entry a line. */
  readonly tooltip?: readonly string[];
  /** A codicon. */
  readonly icon?: string;
  /** A theme colour for the icon. */
  readonly colour?: string;
  /** What a screen reader says, when label and description do not read well. */
  readonly spoken?: string;
}
