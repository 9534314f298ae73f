import { css } from 'lit';

export const panelStyles = css`
  #root[data-place='side'] {
    --panel-background: var(--vscode-sideBar-background);
  }
  .panel {
    container: panel / inline-size;
    min-width: 0;
    padding: 12px 20px 24px;
  }
  .panel.compact {
    padding: 8px 12px 16px;
  }
  .panel.compact h1 {
    font-size: var(--vscode-font-size);
  }
  .circumstances {
    margin-top: 2px;
    color: var(--vscode-descriptionForeground);
  }
  .compact .circumstances {
    font-size: var(--small);
  }
  h3 strong {
    color: var(--vscode-foreground);
    font-weight: 600;
  }

  .run-bar {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 4px 8px;
    margin-top: 8px;
  }
  .run-state {
    display: flex;
    align-items: center;
    gap: 6px;
    flex: 1 1 200px;
    min-width: 0;
    min-height: 26px;
    color: var(--vscode-descriptionForeground);
    font-variant-numeric: tabular-nums;
  }
  .run-state > span:last-child {
    min-width: 0;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .compact .run-state {
    flex-basis: 100%;
    font-size: var(--small);
  }
  .compact .run-state > span:last-child {
    white-space: normal;
  }
  .compact .run-state:empty {
    display: none;
  }
  .parity {
    display: inline-flex;
    align-items: center;
    gap: 4px;
    padding: 0 6px;
    border: 1px solid var(--line);
    border-radius: 3px;
    font-size: var(--small);
    white-space: nowrap;
  }
  .parity .codicon[class*='codicon-'] {
    font-size: 12px;
  }
  .parity.ok .codicon {
    color: var(--vscode-testing-iconPassed, var(--vscode-charts-green));
  }
  .parity.bad {
    color: var(--vscode-editorWarning-foreground);
    white-space: normal;
  }
  .run-progress {
    display: block;
    width: 100%;
    height: 2px;
    margin: 6px 0 8px;
    appearance: none;
    border: none;
    background: var(--line);
  }
  .run-progress::-webkit-progress-bar {
    background: var(--line);
  }
  .run-progress::-webkit-progress-value {
    background: var(--vscode-progressBar-background);
  }
  .banner {
    display: flex;
    gap: 8px;
    margin: 0 0 8px;
    padding: 4px 8px;
    border-left: 2px solid var(--vscode-editorInfo-foreground);
    background: var(--vscode-textBlockQuote-background);
  }
  .banner > div {
    min-width: 0;
  }
  .banner.warning {
    border-left-color: var(--vscode-editorWarning-foreground);
  }
  .banner.error {
    border-left-color: var(--vscode-editorError-foreground);
  }
  .banner pre {
    margin: 4px 0 0;
    max-height: 160px;
    overflow: auto;
    font-family: var(--vscode-editor-font-family);
    font-size: var(--small);
    white-space: pre-wrap;
  }
  .empty-state {
    max-width: 560px;
    padding: 8px 0;
    color: var(--vscode-descriptionForeground);
    text-wrap: pretty;
  }
  .empty-state p + p {
    margin-top: 12px;
  }

  .body {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 12px 24px;
    align-items: start;
  }
  .results {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 16px;
    min-width: 0;
  }
  .compact .results {
    gap: 8px;
  }
  .section-head {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 4px 8px;
    min-height: 26px;
  }
  .section-head > .toolbar,
  .section-head > .segments {
    margin-left: auto;
  }
  .segments {
    display: inline-flex;
    border: 1px solid var(--vscode-checkbox-border, var(--line));
    border-radius: 3px;
    overflow: hidden;
  }
  .segments button {
    height: 20px;
    padding: 0 8px;
    font-size: var(--small);
  }
  .segments button:hover {
    background: var(--vscode-toolbar-hoverBackground);
  }
  .segments button[aria-checked='true'] {
    color: var(--vscode-inputOption-activeForeground);
    background: var(--vscode-inputOption-activeBackground);
    outline: 1px solid var(--vscode-inputOption-activeBorder, transparent);
    outline-offset: -1px;
  }

  .strip .summary {
    margin-left: 8px;
  }
  .controls {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(min(220px, 100%), 1fr));
    gap: 16px 24px;
  }
  .controls > section {
    min-width: 0;
  }
  .controls h2 {
    margin-bottom: 4px;
  }
  .controls .section-head {
    margin-bottom: 4px;
  }
  .controls .section-head h2 {
    margin: 0;
  }
  .controls .reason {
    margin-top: 4px;
    overflow-wrap: anywhere;
  }
  .option {
    min-height: 24px;
  }
  .fields.seed {
    grid-template-columns: auto minmax(0, 120px);
  }
  .text-area textarea {
    display: block;
    width: 100%;
    min-height: 48px;
    padding: 4px 6px;
    color: var(--vscode-input-foreground);
    background: var(--vscode-input-background);
    border: 1px solid var(--vscode-input-border, transparent);
    border-radius: 2px;
    font: inherit;
    resize: vertical;
  }
  .text-area textarea.code {
    font-family: var(--vscode-editor-font-family);
    font-size: calc(var(--vscode-editor-font-size) - 1px);
  }
  .text-area textarea::placeholder {
    color: var(--vscode-input-placeholderForeground);
  }
  .text-area textarea:focus {
    outline: 1px solid var(--vscode-focusBorder);
    outline-offset: -1px;
  }
  .text-area.invalid textarea {
    border-color: var(--vscode-inputValidation-errorBorder, var(--vscode-errorForeground));
  }

  .token-list {
    max-height: 132px;
    overflow-y: auto;
    font-family: var(--vscode-editor-font-family);
    font-size: calc(var(--vscode-editor-font-size) - 1px);
    line-height: 20px;
    overflow-wrap: anywhere;
  }
  .token {
    display: inline-block;
    padding: 0 2px;
    margin: 0 1px 1px 0;
    border-radius: 2px;
    line-height: 18px;
    border-bottom: 2px solid transparent;
    background: color-mix(in srgb, var(--vscode-charts-blue, var(--vscode-focusBorder)) var(--shade, 0%), transparent);
    outline: 1px solid color-mix(in srgb, var(--vscode-foreground) 12%, transparent);
    outline-offset: -1px;
  }
  .selectable .token {
    cursor: pointer;
  }
  .shade-1 {
    --shade: 8%;
  }
  .shade-2 {
    --shade: 17%;
  }
  .shade-3 {
    --shade: 27%;
  }
  .shade-4 {
    --shade: 37%;
  }
  .shade-5 {
    --shade: 48%;
  }
  .shade-6 {
    --shade: 59%;
  }
  .shade-7 {
    --shade: 70%;
  }
  .shade-8 {
    --shade: 82%;
  }
  .token.query {
    border-bottom-color: var(--vscode-focusBorder);
    font-weight: 700;
  }
  .token:hover,
  .token.hover-query,
  .token.hover-key {
    outline: 1px solid var(--vscode-foreground);
  }
  .token.hover-query {
    outline-style: dashed;
  }
  .token-more {
    padding: 0 4px;
    font-family: var(--vscode-font-family);
    font-size: var(--small);
  }
  .token-caption {
    display: flex;
    align-items: center;
    gap: 4px;
    min-height: 22px;
    font-size: var(--small);
  }
`;
