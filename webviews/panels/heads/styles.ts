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
`;
