/** The look every panel shares: VS Code's variables, a 4 px grid, nothing else. */
import { css, type CSSResult } from 'lit';

/** Through constructed style sheets, which the panel's policy allows where inline styles are refused. */
export function adoptStyles(...sheets: readonly CSSResult[]): void {
  const adopted = sheets.flatMap(({ styleSheet }) => (styleSheet ? [styleSheet] : []));
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, ...adopted];
}

/** Of the page, or of the element that stands for it where the page is not ours. */
const frame = css`
  margin: 0;
  padding: 0;
  color: var(--vscode-foreground);
  font-family: var(--vscode-font-family);
  font-size: var(--vscode-font-size);
  line-height: 1.4;
  --small: calc(var(--vscode-font-size) - 2px);
  --line: var(--vscode-editorWidget-border, var(--vscode-contrastBorder, transparent));
  --design-unit: 4;
  --input-height: 24;
`;

const parts = css`
  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }
  h1,
  h2,
  h3,
  p,
  figure,
  ul {
    margin: 0;
    padding: 0;
  }
  h1 {
    font-size: calc(var(--vscode-font-size) + 3px);
    font-weight: 600;
    line-height: 1.35;
    text-wrap: pretty;
  }
  h2 {
    font-size: var(--vscode-font-size);
    font-weight: 600;
  }
  h3 {
    font-size: var(--small);
    font-weight: 400;
    color: var(--vscode-descriptionForeground);
  }
  button {
    font: inherit;
    color: inherit;
    background: none;
    border: none;
    padding: 0;
    cursor: pointer;
  }
  button:disabled {
    cursor: default;
    opacity: 0.4;
  }
  :focus-visible {
    outline: 1px solid var(--vscode-focusBorder);
    outline-offset: -1px;
  }
  .unseen {
    position: absolute;
    width: 1px;
    height: 1px;
    margin: -1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  .dotted {
    display: block;
    overflow: hidden;
  }
  .dotted > span {
    display: block;
    margin-left: -1.2em;
  }
  .fact {
    display: inline-block;
    max-width: 100%;
    box-sizing: border-box;
    padding-left: 1.2em;
    vertical-align: top;
  }
  .fact > .dot {
    display: inline-block;
    width: 1.2em;
    margin-left: -1.2em;
    text-align: center;
    white-space: pre;
  }
  .muted {
    color: var(--vscode-descriptionForeground);
  }
  .codicon[class*='codicon-'] {
    vertical-align: text-bottom;
  }
  .icon-button {
    display: inline-flex;
    align-items: center;
    justify-content: center;
    width: 22px;
    height: 22px;
    border-radius: 5px;
    color: var(--vscode-icon-foreground, var(--vscode-foreground));
  }
  .icon-button:hover:not(:disabled),
  .menu-trigger:hover:not(:disabled),
  .icon-button[aria-pressed='true'],
  .icon-button[aria-expanded='true'] {
    background: var(--vscode-toolbar-hoverBackground);
    outline: 1px dashed var(--vscode-contrastActiveBorder, transparent);
    outline-offset: -1px;
  }
  .link {
    color: var(--vscode-textLink-foreground);
    text-align: left;
  }
  .link .codicon[class*='codicon-'] {
    font-size: 12px;
  }
  .link:hover {
    color: var(--vscode-textLink-activeForeground);
    text-decoration: underline;
  }
  .tag {
    padding: 0 4px;
    border: 1px solid var(--line);
    border-radius: 3px;
    color: var(--vscode-descriptionForeground);
    font-size: var(--small);
    white-space: nowrap;
  }
  .toolbar {
    display: inline-flex;
    align-items: center;
    gap: 4px;
  }
  .symbol {
    flex: none;
  }
`;

export const baseStyles = css`
  body {
    ${frame}
  }
  body.vscode-high-contrast,
  body.vscode-high-contrast-light {
    --line: var(--vscode-contrastBorder);
  }
  ${parts}
`;

/** In a shadow tree: nothing of it reaches the rest of the page. */
export const hostStyles = css`
  :host {
    display: block;
    ${frame}
  }
  :host-context(body.vscode-high-contrast),
  :host-context(body.vscode-high-contrast-light) {
    --line: var(--vscode-contrastBorder);
  }
  ${parts}
`;
