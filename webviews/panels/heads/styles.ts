import { css } from 'lit';

export const panelStyles = css`
  h3 strong {
    color: var(--vscode-foreground);
    font-weight: 600;
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
  .head-effects {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 4px 8px;
    margin: 4px 0;
  }
  .head-effects p {
    margin: 0;
    flex: 1 1 240px;
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
  .typed-tokens {
    margin-bottom: 8px;
  }
  .option {
    min-height: 24px;
  }
  .fields.seed {
    grid-template-columns: auto minmax(0, 120px);
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
