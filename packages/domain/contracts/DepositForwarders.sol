// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// What lies at an address of a payment once its tokens are gathered: it sends them to the treasury, and nowhere else.
contract DepositForwarder {
    address private immutable treasury;

    constructor() {
        treasury = DepositForwarders(msg.sender).treasury();
    }

    function flush(IERC20 token) external {
        uint256 amount = token.balanceOf(address(this));
        if (amount > 0) SafeERC20.safeTransfer(token, treasury, amount);
    }
}

/// Addresses that can be paid to before anything lies there, and whose tokens can go to one treasury only, whoever asks.
contract DepositForwarders {
    address public immutable treasury;

    constructor(address to) {
        treasury = to;
    }

    function gather(IERC20 token, bytes32[] calldata salts) external {
        for (uint256 index = 0; index < salts.length; index++) {
            address place = addressOf(salts[index]);
            if (place.code.length == 0) new DepositForwarder{salt: salts[index]}();
            DepositForwarder(place).flush(token);
        }
    }

    function addressOf(bytes32 salt) public view returns (address) {
        bytes32 hash = keccak256(abi.encodePacked(bytes1(0xff), address(this), salt, codeHash()));
        return address(uint160(uint256(hash)));
    }

    function codeHash() public pure returns (bytes32) {
        return keccak256(type(DepositForwarder).creationCode);
    }
}
