// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// A dollar of the sandbox's chain: six decimals like USDC, and for anybody to have.
contract SandboxUsdc is ERC20("Sandbox USD Coin", "USDC") {
    function decimals() public pure override returns (uint8) {
        return 6;
    }

    function faucet(address to, uint256 amount) external {
        _mint(to, amount);
    }
}
