import { css } from 'lit';

export const moduleFileStyles = css`
  .module-bar {
    margin-bottom: 8px;
  }
  .module-pair {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 24px;
    margin-top: 16px;
  }
  .wide .module-pair {
    grid-template-columns: minmax(0, 1fr) minmax(0, 1fr);
  }
  .module-pair > section {
    min-width: 0;
  }
  .module-pair > section > h2 {
    margin: 0 0 4px;
    padding-bottom: 4px;
    border-bottom: 1px solid var(--line);
    font-size: var(--vscode-font-size);
    overflow-wrap: anywhere;
  }
  .module-pair > section > p {
    margin: 0 0 12px;
    overflow-wrap: anywhere;
  }
`;
