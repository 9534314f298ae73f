/**
 * The frame that the panels share: a finding, the bar under it, banners, settings that stand beside or above the results, and
 * what made them. A panel adopts it after `baseStyles` and writes only what is its own.
 */
import { css } from 'lit';

export const panelFrameStyles = css`
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
  .banner .link + .link {
    margin-left: 8px;
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

  .results .pictures {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 16px 24px;
    align-items: start;
  }
  h2 > .muted {
    font-weight: 400;
    font-size: var(--small);
  }
  .compact .results > .disclosure,
  .compact .results > .strip {
    padding-top: 4px;
    border-top: 1px solid var(--line);
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

  .strip .summary {
    margin-left: 8px;
  }
  .controls {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(min(var(--control-width, 220px), 100%), 1fr));
    gap: 16px 24px;
  }
  .controls > section {
    min-width: 0;
  }
  .controls h2 {
    margin-bottom: 4px;
  }

  .legend-entry {
    display: inline-flex;
    align-items: center;
    gap: 5px;
    height: 22px;
    padding: 0 6px;
    border-radius: 3px;
    white-space: nowrap;
  }
  .legend-entry:hover {
    background: var(--vscode-toolbar-hoverBackground);
  }
  .legend-entry .code {
    font-weight: 600;
  }
  .provenance {
    padding-left: 20px;
    list-style: none;
    color: var(--vscode-descriptionForeground);
    overflow-wrap: anywhere;
  }

  @container panel (min-width: 960px) {
    .body:has(> .strip > .open) {
      grid-template-columns: var(--strip-width, 260px) minmax(0, 1fr);
    }
    .wide .strip .controls {
      grid-template-columns: minmax(0, 1fr);
    }
  }
`;
