import { css } from 'lit';

export const tabStyles = css`
  .tabs {
    display: flex;
    align-items: start;
    justify-content: space-between;
    gap: 8px;
    min-width: 0;
    border-bottom: 1px solid var(--line);
  }
  .tabs ul {
    display: flex;
    flex-wrap: wrap;
    list-style: none;
    min-width: 0;
    margin: 0;
    padding: 0;
  }
  .tab {
    display: flex;
    align-items: center;
    max-width: 100%;
    min-width: 0;
    border-right: 1px solid var(--line);
    border-bottom: 2px solid transparent;
  }
  .tab.front {
    border-bottom-color: var(--vscode-focusBorder, var(--vscode-foreground));
    background: var(--vscode-tab-activeBackground);
    color: var(--vscode-tab-activeForeground);
  }
  .tab-button {
    display: flex;
    align-items: center;
    gap: 6px;
    min-width: 0;
    padding: 4px 4px 4px 8px;
    border: none;
    background: none;
    color: inherit;
    font: inherit;
    cursor: pointer;
  }
  .tab-button vscode-progress-ring {
    width: 14px;
    height: 14px;
    flex: none;
  }
  .tab-title {
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
    max-width: 180px;
  }
  .tab-time,
  .stale-mark {
    flex: none;
    font-size: var(--small);
    color: var(--vscode-descriptionForeground);
    font-variant-numeric: tabular-nums;
  }
  .stale-mark {
    font-style: italic;
  }
  #ask {
    padding-right: 10px;
  }
  .tab-button:focus-visible,
  .row-button:focus-visible,
  .search-field:focus-visible {
    outline: 1px solid var(--vscode-focusBorder);
    outline-offset: -1px;
  }
  .ask,
  .history,
  .question {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 8px;
    align-content: start;
    min-width: 0;
  }
  .ask h2 {
    margin: 8px 0 0;
  }
  .search-field {
    width: 100%;
    max-width: 640px;
    box-sizing: border-box;
    padding: 4px 6px;
    border: 1px solid var(--vscode-input-border, var(--line));
    background: var(--vscode-input-background);
    color: var(--vscode-input-foreground);
    font: inherit;
  }
  .search-field::placeholder {
    color: var(--vscode-input-placeholderForeground);
  }
  .rows {
    list-style: none;
    margin: 0;
    padding: 0;
    max-width: 900px;
  }
  .rows li + li {
    border-top: 1px solid var(--line);
  }
  .row-button {
    display: grid;
    gap: 2px;
    width: 100%;
    min-width: 0;
    padding: 6px 8px;
    border: none;
    background: none;
    color: inherit;
    font: inherit;
    text-align: left;
    overflow-wrap: anywhere;
    cursor: pointer;
  }
  .row-button:hover {
    background: var(--vscode-list-hoverBackground);
    color: var(--vscode-list-hoverForeground, inherit);
  }
  .row-button .muted,
  .row-button .reason {
    font-size: var(--small);
  }
  .history-row {
    display: flex;
    align-items: start;
    min-width: 0;
  }
  .history-input {
    overflow: hidden;
    white-space: nowrap;
    text-overflow: ellipsis;
  }
  .pair-task summary {
    padding: 4px 0;
    cursor: pointer;
  }
  .unfit summary {
    padding: 8px 0;
    cursor: pointer;
  }
  .controls > .toolbar {
    grid-column: 1 / -1;
  }
  .question .parameters {
    max-width: 640px;
  }
  .controls vscode-dropdown + .fields {
    margin-top: 8px;
  }
  .pair-columns {
    display: flex;
    flex-wrap: wrap;
    gap: 4px 2px;
    margin-top: 4px;
  }
  .pair-column {
    display: grid;
    gap: 1px;
    padding: 1px 2px;
    border: 1px solid transparent;
  }
  .pair-column.differs {
    border-color: var(--vscode-editorWarning-foreground);
  }
  .pair-column code {
    white-space: pre;
  }
`;
