import { css } from 'lit';

export const circuitStyles = css`
  .circuit-body {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 12px 20px;
    align-items: start;
    margin-top: 8px;
  }
  .circuit-picture,
  .circuit-details {
    min-width: 0;
  }
  .circuit-sections {
    margin-top: 16px;
  }
  .circuit-tools {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    justify-content: space-between;
    gap: 4px 16px;
    margin-bottom: 4px;
  }
  .circuit-threshold {
    display: flex;
    flex: 1 1 260px;
    flex-wrap: wrap;
    align-items: center;
    gap: 2px 8px;
  }
  .circuit-threshold .slider {
    flex: 0 1 180px;
    min-width: 100px;
  }
  .circuit-threshold output {
    font-size: var(--small);
    color: var(--vscode-descriptionForeground);
    font-variant-numeric: tabular-nums;
  }
  hs-circuit-map {
    display: block;
    height: clamp(260px, min(62vh, 90vw), 900px);
    min-width: 0;
    border: 1px solid var(--line);
    border-radius: 3px;
  }
  .circuit-map,
  .circuit-map canvas {
    width: 100%;
    height: 100%;
  }
  .circuit-map {
    overflow: hidden;
  }
  .circuit-legend {
    display: flex;
    flex-wrap: wrap;
    gap: 2px 14px;
    margin: 6px 0 2px;
    padding: 0;
    list-style: none;
    font-size: var(--small);
    color: var(--vscode-descriptionForeground);
  }
  .circuit-details h2 {
    margin-bottom: 4px;
    overflow-wrap: anywhere;
  }
  .circuit-details h3 {
    margin: 10px 0 2px;
    font-size: var(--small);
    font-weight: 600;
    color: var(--vscode-descriptionForeground);
  }
  .circuit-field {
    display: grid;
    grid-template-columns: 44px minmax(0, 1fr);
    gap: 8px;
    align-items: start;
    margin: 6px 0;
  }
  .circuit-field span {
    padding-top: 3px;
  }
  .circuit-field input,
  .circuit-field textarea {
    box-sizing: border-box;
    width: 100%;
    padding: 3px 5px;
    color: var(--vscode-input-foreground);
    background: var(--vscode-input-background);
    border: 1px solid var(--vscode-input-border, var(--line));
    border-radius: 2px;
    font: inherit;
    resize: vertical;
  }
  .circuit-field input:focus,
  .circuit-field textarea:focus {
    outline: 1px solid var(--vscode-focusBorder);
    outline-offset: -1px;
  }
  .circuit-acts {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 6px 10px;
    margin: 8px 0;
  }
  .circuit-edges {
    margin: 0;
    padding: 0;
    list-style: none;
  }
  .circuit-edges li {
    display: flex;
    flex-wrap: wrap;
    align-items: baseline;
    gap: 0 8px;
    overflow-wrap: anywhere;
  }
  .circuit-edges .weight {
    margin-left: auto;
    font-size: var(--small);
    font-variant-numeric: tabular-nums;
  }
  @container panel (min-width: 760px) {
    .circuit-body {
      grid-template-columns: minmax(0, 1fr) 260px;
    }
  }
`;
